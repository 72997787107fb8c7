"""The one who does something: a user, a token, a guest with a link, a rule, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Scope(StrEnum):
    """How far a right reaches over the rows of an entity."""

    none = "none"
    own = "own"
    team = "team"
    all = "all"


_ORDER = (Scope.none, Scope.own, Scope.team, Scope.all)


def wider(one: Scope, other: Scope) -> Scope:
    """Return the scope that reaches further."""
    return max(one, other, key=_ORDER.index)


def narrower(one: Scope, other: Scope) -> Scope:
    """Return the scope that reaches less far."""
    return min(one, other, key=_ORDER.index)


class ActorKind(StrEnum):
    """What kind of thing acts; stored with every event."""

    user = "user"
    token = "token"  # noqa: S105 - a word, not a secret
    guest = "guest"
    rule = "rule"
    system = "system"


@dataclass(frozen=True, slots=True)
class Rights:
    """What roles grant, merged to the widest, made once per session epoch.

    `scopes` maps "<entity>.<verb>" (`core.contact.read`) to a scope; `permissions` holds the names of
    plain permissions (`quotes.quote.approve`); `hidden`/`locked` hold "<entity>.<field>" barred by roles.
    """

    scopes: dict[str, Scope] = field(default_factory=dict)
    permissions: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    everything: bool = False

    def scope(self, entity: str, verb: str) -> Scope:
        """Return how far `verb` on `entity` reaches."""
        return Scope.all if self.everything else self.scopes.get(f"{entity}.{verb}", Scope.none)

    def may(self, permission: str) -> bool:
        """Return whether a plain permission is held."""
        return self.everything or permission in self.permissions

    def key(self, entity: str, verb: str) -> tuple[object, ...]:
        """Return the part of the rights that shapes SQL for this entity and verb."""
        hidden = () if self.everything else tuple(sorted(h for h in self.hidden if h.startswith(entity + ".")))
        return (self.scope(entity, verb), hidden)


@dataclass(frozen=True, slots=True)
class Viewing:
    """Through whose eyes a session looks, and until when; see `auth/viewing.py`."""

    user_id: UUID
    until: datetime


@dataclass(frozen=True, slots=True)
class Actor:
    """Immutable; passed in `uow.actor`.

    `team_ids` are the actor's teams with all their descendants. `scopes` narrows a token ("read",
    "write", or entity names such as "core.contact.read"; empty means all its user may). `on_behalf_of`
    is the actor whose rights bound this one's: both must allow. `only_reads`: somebody looks through this
    user's eyes (`on_behalf_of` is who); nothing can be written. `viewing`: a session that may be doing so.
    """

    kind: ActorKind
    name: str = ""
    user_id: UUID | None = None
    scopes: frozenset[str] = frozenset()
    link_id: UUID | None = None
    on_behalf_of: Actor | None = None
    roles: frozenset[str] = frozenset()
    team_ids: frozenset[UUID] = frozenset()
    team_id: UUID | None = None  # primary team: new records of this user belong to it
    rights: Rights = field(default_factory=Rights)
    locale: str = "en"
    zone: str = "UTC"
    session_id: UUID | None = None
    only_reads: bool = False
    viewing: Viewing | None = None

    def scope(self, entity: str, verb: str) -> Scope:
        """Return how far `verb` on `entity` reaches, token scopes and the person behind included."""
        own = self.rights.scope(entity, verb)
        if self.scopes and not self.scopes & {
            "read" if verb in ("read", "export") else "write",
            f"{entity}.{verb}",
            entity,
        }:
            return Scope.none
        return own if self.on_behalf_of is None else narrower(own, self.on_behalf_of.scope(entity, verb))

    def may(self, permission: str) -> bool:
        """Return whether the actor holds a permission: "<entity>.<verb>" at any scope, or a plain one."""
        entity, _, verb = permission.rpartition(".")
        if self.rights.everything or f"{entity}.{verb}" in self.rights.scopes:
            return self.scope(entity, verb) is not Scope.none
        if self.scopes and permission not in self.scopes and "write" not in self.scopes:
            return False
        return self.rights.may(permission) and (self.on_behalf_of is None or self.on_behalf_of.may(permission))

    def may_see(self, entity: str, field: str) -> bool:
        """Return whether a role bars this field from being read."""
        return f"{entity}.{field}" not in self.rights.hidden and (
            self.on_behalf_of is None or self.on_behalf_of.may_see(entity, field)
        )

    def may_set(self, entity: str, field: str) -> bool:
        """Return whether a role bars this field from being written."""
        return (
            self.may_see(entity, field)
            and f"{entity}.{field}" not in self.rights.locked
            and (self.on_behalf_of is None or self.on_behalf_of.may_set(entity, field))
        )

    @property
    def label(self) -> str:
        """Return what the event log stores: `user:<id>`, `system:cli`, `guest:<link>`."""
        return f"{self.kind}:{self.user_id or self.link_id or self.name}"

    @property
    def behind(self) -> Actor:
        """Return who is at the keyboard: the viewer behind an actor who only reads, else this actor."""
        return self.on_behalf_of if self.only_reads and self.on_behalf_of is not None else self

    def acting_for(self, person: Actor) -> Actor:
        """Return this actor bounded by the rights of `person`."""
        return replace(self, on_behalf_of=person)


def system(name: str) -> Actor:
    """Return the actor of our own code, such as `system:cli`; it may do everything."""
    return Actor(ActorKind.system, name=name, rights=Rights(everything=True))


ANONYMOUS = Actor(ActorKind.guest, name="anonymous")
