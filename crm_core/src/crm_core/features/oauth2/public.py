"""What single sign-on and connected accounts use: the way to a provider and back, and its checked answers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from crm_core.features.oauth2.discovery import Client, demand_address, metadata_of
from crm_core.features.oauth2.errors import ExchangeRefused, GrantEnded, ProviderAway
from crm_core.features.oauth2.flows import Begun, Flow, answer_of, begun, browser_of, ended, keep
from crm_core.features.oauth2.models import ProviderColumns

if TYPE_CHECKING:
    from crm_core.features.oauth2.exchange import Tokens, person_of, refreshed, revoked, traded

__all__ = [
    "Begun", "Client", "ExchangeRefused", "Flow", "GrantEnded", "ProviderAway", "ProviderColumns", "Tokens",
    "answer_of", "begun", "browser_of", "demand_address", "ended", "keep", "metadata_of", "person_of", "refreshed",
    "revoked", "traded",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load the exchange at its first use: Authlib and joserfc are 12 MB, and most never talk to a provider."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module("crm_core.features.oauth2.exchange"), name)
