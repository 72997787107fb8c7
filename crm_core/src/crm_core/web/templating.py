"""Jinja: one environment per locale, so that texts, numbers and dates need no context to know the language."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from crm_core.i18n import LOCALES, Text, catalogue, show
from crm_core.plugin.registry import Registry
from crm_core.web.assets import Assets, icon_svg
from crm_core.web.display import Display, initials, noun

CORE = "crm_core"


class Templates:
    """The templates of all packages; `quotes/list.html` belongs to the package whose folder holds `quotes/`."""

    def __init__(self, registry: Registry, assets: Assets) -> None:
        packages = [p for p in registry.package_names() if files(p).joinpath("templates").is_dir()]
        self.loader = ChoiceLoader([PackageLoader(p, "templates") for p in packages])
        self.domains = {
            folder.name: package
            for package in reversed(packages)
            for folder in files(package).joinpath("templates").iterdir()
            if folder.is_dir()
        }
        self.assets = assets
        self.environments = {locale: self._environment(locale) for locale in LOCALES}

    def _environment(self, locale: str) -> Environment:
        env = Environment(
            loader=self.loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        )
        display = Display(locale)
        env.globals |= {
            "_": self._translate(locale),
            "icon": icon_svg,
            "asset": self.assets.url,
            "locale": locale,
            "import_map": self.assets.import_map,
            "plugin_styles": self.assets.styles,
            "initials": initials,
            "product": "CRM",
        }
        env.filters |= {
            "words": lambda v: show(v, locale),
            "noun": lambda v: noun(show(v, locale), locale),
            "number": display.number,
            "money": display.money,
            "day": display.day,
            "moment": display.moment,
            "ago": display.ago,
            "json": lambda v: msgspec.json.format(msgspec.json.encode(v, enc_hook=str)).decode(),
        }
        # The component macros: `ui.button(...)` in every template, fragments included, without an import.
        env.globals["ui"] = env.get_template("core/_ui.html").module
        return env

    def _translate(self, locale: str) -> Any:
        @pass_context
        def translate(context: Context, message: str | Text, **params: Any) -> str:
            if isinstance(message, Text):
                return (message(**params) if params else message).to(locale)
            domain = self.domains.get((context.name or "").partition("/")[0], CORE)
            found = catalogue(domain, locale).gettext(message)
            if found == message and domain != CORE:
                found = catalogue(CORE, locale).gettext(message)
            return found.format_map({k: show(v, locale) for k, v in params.items()}) if params else found

        return translate

    def render(self, template: str, locale: str, context: Mapping[str, Any], block: str = "") -> str:
        """Return the template's text, or only that of one of its blocks."""
        env = self.environments.get(locale) or self.environments["en"]
        found = env.get_template(template)
        if not block:
            return found.render(context)
        inner = found.new_context(dict(context))
        return "".join(found.blocks[block](inner))
