"""Texts kept in rows: a message of a catalogue with its parameters, translated when it is read."""

from __future__ import annotations

from typing import Any

from crm_core.i18n import Text

MARK = "~message"


def kept(text: Text) -> dict[str, Any]:
    """Return a text as JSON; parameters that are texts stay texts, all others become words."""
    params = {k: kept(v) if isinstance(v, Text) else str(v) for k, v in text.params.items()}
    return {"domain": text.domain, MARK: text.message, "params": params}


def told(stored: dict[str, Any]) -> Text:
    """Return the text that `kept` stored."""
    params = {k: told(v) if isinstance(v, dict) and MARK in v else v for k, v in stored.get("params", {}).items()}
    return Text(str(stored.get("domain", "crm_core")), str(stored.get(MARK, "")), params)


def words(stored: dict[str, Any], locale: str) -> str:
    """Return a stored text in a language; the bare message when its plugin or its words are gone."""
    try:
        return told(stored).to(locale)
    except (KeyError, IndexError, ValueError, ModuleNotFoundError):
        return str(stored.get(MARK, ""))
