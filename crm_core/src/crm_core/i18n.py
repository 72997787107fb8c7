"""Texts that are translated when they are shown, not when they are made."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

LOCALES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Text:
    """A message id of one package's catalogue with its parameters.

    `str(text)` is the English original; `text.to(locale)` the translation, falling back to English.
    """

    domain: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to(self, locale: str) -> str:
        words = catalogue(self.domain, locale).gettext(self.message) if self.message else ""
        return words.format_map({k: show(v, locale) for k, v in self.params.items()}) if self.params else words

    def __str__(self) -> str:
        return self.to("en")

    def __call__(self, **params: Any) -> Text:
        return Text(self.domain, self.message, {**self.params, **params})


class Strings:
    """`_ = Strings("crm_quotes")`, then `_("Sent to {name}", name=...)` gives a `Text`."""

    def __init__(self, package: str) -> None:
        self.package = package

    def __call__(self, message: str, /, **params: Any) -> Text:
        return Text(self.package, message, params)


def show(value: Any, locale: str) -> str:
    """Return `value` as words in `locale`; plain values through `str`."""
    return value.to(locale) if isinstance(value, Text) else str(value)


@lru_cache(maxsize=256)
def catalogue(package: str, locale: str) -> gettext.NullTranslations:
    """Return the compiled catalogue `<package>/locales/<locale>/LC_MESSAGES/<package>.mo`, or an empty one."""
    path = files(package).joinpath("locales", locale, "LC_MESSAGES", f"{package}.mo")
    if locale == "en" or not path.is_file():
        return gettext.NullTranslations()
    with path.open("rb") as file:
        return gettext.GNUTranslations(file)
