"""`crm settings`: read and change the settings of the organisation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
import msgspec

from crm_core.cli import folder
from crm_core.config import Config
from crm_core.errors import UserError

if TYPE_CHECKING:
    from crm_core.plugin.declare import SettingsGroup


@click.group("settings")
def command() -> None:
    """Look at settings and change them."""


@command.command("get")
@click.argument("name", default="", metavar="[GROUP[.KEY]]")
@folder
def get(config: Config, name: str) -> None:
    """Print settings as GROUP.KEY=VALUE, values as JSON: all, those of one group, or the value of one key alone."""
    for line in asyncio.run(_get(config, name)):
        click.echo(line)


@command.command("set")
@click.argument("name", metavar="GROUP.KEY")
@click.argument("value")
@folder
def change(config: Config, name: str, value: str) -> None:
    """Set one setting, such as `crm settings set core.money.base_currency USD`.

    A running CRM takes it over at once. VALUE is text, a number, true or false, or JSON for a list.
    """
    click.echo(asyncio.run(_set(config, name, value)))


async def _get(config: Config, name: str) -> list[str]:
    from crm_core.auth.actor import system
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        async with kernel.read(system("cli")) as uow:
            groups = _groups(uow)
            wanted, key = _find(groups, name) if name else (None, "")
            lines = []
            for group in [wanted] if wanted else groups.values():
                values: dict[str, Any] = msgspec.to_builtins(await uow.settings(group.struct))
                if key:
                    return [_text(values[key])]
                lines += [f"{group.name}.{k}={_json(v)}" for k, v in values.items()]
            return lines
    finally:
        await kernel.close()


async def _set(config: Config, name: str, value: str) -> str:
    from crm_core.auth.actor import system
    from crm_core.features.settings.actions import change
    from crm_core.kernel import open_kernel

    kernel = await open_kernel(config)
    try:
        async with kernel.write(system("cli")) as uow:
            group, key = _find(_groups(uow), name)
            if not key:
                raise UserError(f"{name} is a group; say which key: {', '.join(group.struct.__struct_fields__)}")
            new: dict[str, Any] = msgspec.to_builtins(await change(uow, group, {key: _value(value)}, strict=False))
            return f"{group.name}.{key}={_json(new[key])}"
    finally:
        await kernel.close()


def _groups(uow: Any) -> dict[str, SettingsGroup]:
    """Return groups of the whole system by name; a person's own are changed by that person."""
    from crm_core.features.settings.actions import groups_for

    return {g.name: g for g in groups_for(uow) if g.scope != "user"}


def _find(groups: dict[str, SettingsGroup], name: str) -> tuple[SettingsGroup, str]:
    """Return group and key of "core.money.base_currency"; "core." may be left out. UserError lists what there is."""
    for full in (name, f"core.{name}"):
        if full in groups:
            return groups[full], ""
        start, _dot, key = full.rpartition(".")
        if start in groups:
            if key in groups[start].struct.__struct_fields__:
                return groups[start], key
            raise UserError(f"{start} has no {key}; it has {', '.join(groups[start].struct.__struct_fields__)}")
    raise UserError(f"there are no settings {name!r}; there are {', '.join(sorted(groups))}")


def _value(text: str) -> Any:
    if text[:1] in "[{":
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)
