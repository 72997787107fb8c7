"""Mails from templates: `core/mail/<name>.txt` with the subject as its first line, and `.html` beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.exceptions import TemplateNotFound
from jinja2.runtime import Context

from crm_core.config import Config
from crm_core.i18n import Text, catalogue, show
from crm_core.plugin.registry import Registry
from crm_core.web.display import Display

CORE = "crm_core"
SUBJECT = "Subject:"


class NoSubject(ValueError):
    """The text template of a mail begins with `Subject: …` and an empty line."""


def rendered(
    registry: Registry, config: Config, template: str, locale: str, data: Mapping[str, Any]
) -> tuple[str, str, str]:
    """Return subject, text and HTML ("" without an HTML template). `url(path)` in them begins with `base_url`.

    Raises jinja2.UndefinedError when a variable is missing: a mail with a hole is not sent.
    """
    env = _environment(registry.package_names(), locale)

    def url(path: str) -> str:
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"links in mails begin with a slash: {path!r}")
        return config.url + path

    context = {"imprint": None, **data, "url": url, "base_url": config.url, "locale": locale}
    head, _line, text = env.get_template(f"{template}.txt").render(context).partition("\n")
    if not head.startswith(SUBJECT):
        raise NoSubject(template)
    subject = " ".join(head.removeprefix(SUBJECT).split())
    try:
        html = env.get_template(f"{template}.html").render(context, subject=subject)
    except TemplateNotFound as missing:
        if missing.name != f"{template}.html":
            raise
        html = ""
    return subject, text.strip() + "\n", html


@lru_cache(maxsize=16)
def _environment(packages: tuple[str, ...], locale: str) -> Environment:
    found = [p for p in packages if files(p).joinpath("templates").is_dir()]
    domains = {
        folder.name: package
        for package in reversed(found)
        for folder in files(package).joinpath("templates").iterdir()
        if folder.is_dir()
    }
    env = Environment(
        loader=ChoiceLoader([PackageLoader(p, "templates") for p in found]),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    @pass_context
    def translate(context: Context, message: str | Text, **params: Any) -> str:
        if isinstance(message, Text):
            return (message(**params) if params else message).to(locale)
        domain = domains.get((context.name or "").partition("/")[0], CORE)
        words = catalogue(domain, locale).gettext(message)
        return words.format_map({k: show(v, locale) for k, v in params.items()}) if params else words

    display = Display(locale)
    env.globals |= {"_": translate, "product": "CRM"}
    env.filters |= {"words": lambda v: show(v, locale), "day": display.day, "moment": display.moment}
    env.globals["mail"] = env.get_template("core/mail/_parts.html").module
    return env
