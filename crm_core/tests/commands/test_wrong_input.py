"""Every command of `crm`, typed wrongly: one clear line, exit code 1 or 2, never a traceback."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from crm_core.config import Config

from crm_core import cli

Run = Callable[..., Any]


def walk(command: click.Command, context: click.Context, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Yield every command of the tree with the words that call it."""
    if not isinstance(command, click.Group):
        yield " ".join(words), command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from walk(found, click.Context(found, parent=context, info_name=name), (*words, name))


COMMANDS = dict(walk(cli.crm, click.Context(cli.crm, info_name="crm"), ()))
VALUES = {"file": "nothing.csv", "source": "nothing.zip", "email": "nobody@example.com", "out": "nowhere"}


def needed(command: click.Command) -> list[str]:
    """Return words for everything a command requires."""
    found: list[str] = []
    for one in command.params:
        if one.required:
            found += [one.opts[-1]] if isinstance(one, click.Option) else []
            found.append(VALUES.get(one.name or "", "something"))
    return found


def clear(told: Any, *words: str) -> None:
    """Assert that a command ended with an error that a person understands."""
    assert told.code in (1, 2), told
    assert "Traceback" not in told.out + told.err
    errors = [line for line in told.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, told
    assert len(errors[0]) > len("Error: ") + 8, told
    for word in words:
        assert word in told.err, told


def test_every_command_is_known() -> None:
    assert len(COMMANDS) >= 30
    assert {"demo", "serve", "worker", "db upgrade", "token create", "import", "export", "docs"} <= COMMANDS.keys()


@pytest.mark.parametrize("line", COMMANDS)
def test_help_tells_what_each_command_and_option_does(run: Run, line: str) -> None:
    told = run(*line.split(), "--help")
    assert told.code == 0
    assert (COMMANDS[line].help or "").strip(), "no help"
    assert "--folder" in told.out
    for one in COMMANDS[line].params:
        if isinstance(one, click.Option):
            assert one.help, f"{one.opts} has no help"


@pytest.mark.parametrize("line", COMMANDS)
def test_options_and_arguments_too_many_are_refused(run: Run, line: str, tmp_path: Path) -> None:
    told = run(*line.split(), *needed(COMMANDS[line]), "--no-such-option")
    assert told.code == 2
    clear(told, "--no-such-option")
    (tmp_path / "nothing.csv").touch()
    (tmp_path / "nothing.zip").touch()
    spare = ["spare", "spare"] if line == "settings get" else ["spare"]
    told = run(*line.split(), *needed(COMMANDS[line]), *spare)
    assert told.code == 2
    clear(told, "spare")
    assert not (tmp_path / "crm").exists()


@pytest.mark.parametrize("line", [line for line, command in COMMANDS.items() if needed(command)])
def test_missing_arguments_are_named(run: Run, line: str, tmp_path: Path) -> None:
    told = run(*line.split())
    assert told.code == 2
    clear(told, "Missing")
    assert not (tmp_path / "crm").exists()


@pytest.mark.parametrize("line", COMMANDS)
def test_bad_folders_are_refused(run: Run, line: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "nothing.csv").write_text("name\nx\n")
    (tmp_path / "nothing.zip").touch()
    words = [*line.split(), *needed(COMMANDS[line]), *(["--no-password"] if line == "user add" else [])]
    clear(run(*words, "--folder", str(tmp_path / "file")), "file")
    told = run(*words, "--folder", str(tmp_path / "file" / "below"))
    if line in ("docs", "plugins"):  # they tell of the code
        assert told.code == 0
    elif line in ("db status", "doctor"):  # they tell how things stand, and that is not well
        assert told.code == 1
    else:
        clear(told)


@pytest.mark.parametrize("line", COMMANDS)
@pytest.mark.parametrize("text", ["[[[", 'databse_url = "x"', 'database_url = "oracle://x"', 'port = "many"', b"\xff"])
def test_bad_configuration_is_named(run: Run, line: str, text: str | bytes, tmp_path: Path) -> None:
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "crm.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "nothing.csv").write_text("name\nx\n")
    (tmp_path / "nothing.zip").touch()
    told = run(*line.split(), *needed(COMMANDS[line]))
    assert told.code == 2
    clear(told)


def test_unknown_commands_are_refused(run: Run) -> None:
    for line in ("frobnicate", "db frobnicate", "user", "--no-such-option"):
        told = run(*shlex.split(line))
        assert told.code == 2, told
        assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("export nothing", "there is no entity nothing"),
        ("export deals --fields nothing", "nothing"),
        ("export deals --filter {", "filter"),
        ("""export deals --filter '{"field": "nothing", "op": "is", "value": 1}'""", "nothing"),
        ("export deals --sort nothing", "nothing"),
        ("export deals --as nobody@example.com", "nobody@example.com"),
        ("export deals --output none/deals.csv", "none/deals.csv"),
        ("export deals --output none/deals.xlsx", "none/deals.xlsx"),
        ("import nothing people.csv", "there is no entity nothing"),
        ("import contacts none.csv", "none.csv"),
        ("import contacts .", "is a directory"),
        ("import contacts people.csv --map nothing", "--map"),
        ("import contacts people.csv --map Nope=last_name", "Nope"),
        ("import contacts people.csv --map Name=nothing", "nothing"),
        ("import contacts people.csv --set nothing", "--set"),
        ("import contacts people.csv --map Name=last_name --match nothing", "can be found by"),
        ("import contacts people.csv --map Name=last_name --known last_name=none.csv:Name", "none.csv"),
        ("import contacts people.csv --map Name=last_name --as nobody@example.com", "nobody@example.com"),
        ("import contacts people.csv --map Name=last_name --encoding klingon", "klingon"),
        ("import contacts people.csv --map Name=last_name --separator ab", "separator"),
        ("import contacts people.csv --map Name=last_name --report none/report.csv", "none/report.csv"),
        ("import contacts empty.csv --map Name=last_name", "empty.csv"),
        ("import contacts broken.xlsx --map Name=last_name", "broken.xlsx"),
        ("import contacts people.csv --mode perhaps", "perhaps"),
        ("token create nobody@example.com", "nobody@example.com"),
        ("token create admin@example.com --days 0", "0"),
        ("user reset-link nobody@example.com", "nobody@example.com"),
        ("user reset-second-factor nobody@example.com", "nobody@example.com"),
        ("user invite nobody", "e-mail"),
        ("user add nobody --no-password", "e-mail"),
        ("user add x@example.com --no-password --role nothing", "nothing"),
        ("docs --out people.csv", "people.csv"),
        ("docs --out people.csv/below", "people.csv"),
        ("docs --out docs --plugin nothing", "nothing"),
        ("settings get nothing", "nothing"),
        ("settings set nothing 1", "nothing"),
        ("settings set core.money.base_currency XXX", "XXX"),
        ("db revision nothing -m x", "nothing"),
        ("db downgrade nothing base --yes", "nothing"),
        ("db downgrade core nothing --yes", "nothing"),
        ("db purge nothing --yes", "nothing"),
        ("privacy export nothing file.zip", "nothing"),
        ("privacy export core.contact:nothing file.zip", "nothing"),
        ("privacy erase nothing", "nothing"),
        ("restore none.zip", "none.zip"),
        ("restore people.csv --yes", "people.csv"),
        ("backup -o people.csv/below.zip", ""),
        ("mail test nobody", "mail"),
        ("serve --port 70000", "70000"),
        ("serve --port many", "many"),
        ("serve --host 999.1.1.1", "999.1.1.1"),
        ("demo --as-of yesterday", "yesterday"),
        ("demo --port -1", "-1"),
    ],
)  # fmt: skip
def test_wrong_values_are_named(
    run: Run, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, says: str
) -> None:
    monkeypatch.setattr(Config, "load", classmethod(lambda _cls, _folder=None: config))
    (tmp_path / "people.csv").write_text("Name\nLovelace\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    clear(run(*shlex.split(line)), says)


WAITING = ("serve", "worker", "plugins", "docs")
"""Commands that wait for a database that is away, or need none."""


@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in WAITING])
def test_database_that_is_away_is_a_plain_error(
    run: Run, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", "postgresql://crm@127.0.0.1:9/crm")
    (tmp_path / "nothing.csv").write_text("name\nx\n")
    (tmp_path / "nothing.zip").touch()
    words = [*line.split(), *needed(COMMANDS[line]), *(["--no-password"] if line == "user add" else [])]
    told = run(*words)
    assert told.code in (1, 2), told
    assert "Traceback" not in told.out + told.err
