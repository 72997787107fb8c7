"""What a plugin tells people about."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.i18n import Text

CHANNELS = ("app", "mail", "digest", "off")
"""How somebody hears of a kind: in the app only, by mail at once too, in the daily mail too, not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationKind:
    """A kind of notification; each user chooses a channel for it.

    name: "<plugin>.<what>". label: as the preferences name it ("Somebody mentions me"). default: the channel of whoever
    chose none. strength: which kind wins when one event concerns somebody in several ways; a mention has 90, an
    assignment 70, a comment 50, a stage 40, any other change 20. gathers: many at once become one ("25 records").
    """

    name: str
    label: Text
    default: str = "app"
    strength: int = 50
    icon: str = "bell"
    gathers: bool = True

    def __post_init__(self) -> None:
        if self.default not in CHANNELS:
            raise ValueError(f"{self.name}: {self.default!r} is no channel")
