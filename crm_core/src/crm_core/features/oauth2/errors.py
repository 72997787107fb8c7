"""What can go wrong between the browser, the provider and us. People get one text, the security log the reason."""

from __future__ import annotations

from crm_core.errors import CrmError, Forbidden
from crm_core.i18n import Strings

_ = Strings("crm_core")


class ExchangeRefused(Forbidden):
    """Something in the answer that came back from a provider is not what was asked for.

    reason: one word for the security log ("state", "issuer", "nonce", …); the person is told only to begin again.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(_("The answer of the provider could not be accepted. Please begin again."))
        self.reason = reason


class ProviderAway(CrmError):
    """The provider did not answer, or with an error of its own; the same request may work later."""

    status = 502

    def __init__(self, detail: str = "") -> None:
        super().__init__(_("The provider does not answer at present. Please try again later."))
        self.detail = detail[:200]


class GrantEnded(Forbidden):
    """The provider no longer takes the refresh token (`invalid_grant`): the person has to allow access again."""

    def __init__(self) -> None:
        super().__init__(_("The provider has ended this access. Please connect the account again."))
