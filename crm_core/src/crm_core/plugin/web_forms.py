"""What a plugin lets strangers create through a web form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FormTarget:
    """An entity whose records come into being through web forms.

    fields: names of the entity's fields that a form may map; its owner, links and readonly fields never are. A form
    sets nothing else. email: the field that gets the visitor's address. fixed: values that every record gets.
    create: async (uow, form, values) -> record, in place of creating the entity with these values.
    """

    entity: str
    fields: tuple[str, ...]
    email: str = "email"
    fixed: Mapping[str, Any] = field(default_factory=dict)
    create: Callable[..., Awaitable[Any]] | None = None

    @property
    def name(self) -> str:
        """Return the key under which forms name it."""
        return self.entity
