"""What happens to mails and sending."""

from __future__ import annotations

from uuid import UUID

from crm_core.plugin import Event, EventType, Strings

_ = Strings("crm_core")


class MailSent(Event, frozen=True, kw_only=True):
    """The server took a mail, or the catcher kept it (`state` "caught"). `notice`: it went to a suppressed address."""

    mail_id: UUID
    purpose: str
    state: str
    notice: str = ""


class MailNotSent(Event, frozen=True, kw_only=True):
    """A mail ended in `state` failed, suppressed or ambiguous."""

    mail_id: UUID
    purpose: str
    state: str


class MailSettingsChanged(Event, frozen=True, kw_only=True):
    """The server, sign-in or sender of system mail was changed; names of the fields, never their values."""

    changed: tuple[str, ...]


class OutgoingPaused(Event, frozen=True, kw_only=True):
    """From now on nothing is sent."""

    reason: str


class OutgoingResumed(Event, frozen=True, kw_only=True):
    """Sending goes on; `discarded` mails that waited were given up. everything: so is whatever else waited."""

    discarded: int
    everything: bool = False


EVENT_TYPES = (
    EventType(struct=MailSent, name="core.mail.sent", label=_("E-mail sent"), icon="mail", personal=()),
    EventType(struct=MailNotSent, name="core.mail.not_sent", label=_("E-mail not sent"), icon="mail-off", personal=()),
    EventType(
        struct=MailSettingsChanged,
        name="core.mail.settings_changed",
        label=_("E-mail settings changed"),
        icon="settings",
        personal=(),
    ),
    EventType(
        struct=OutgoingPaused, name="core.outgoing.paused", label=_("Sending paused"), icon="player-pause", personal=()
    ),
    EventType(
        struct=OutgoingResumed,
        name="core.outgoing.resumed",
        label=_("Sending resumed"),
        icon="player-play",
        personal=(),
    ),
)
