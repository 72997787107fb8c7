"""`crm db`, as somebody types it."""

import pytest
from click.testing import CliRunner
from crm_core.commands.db import command
from crm_core.errors import UserError


@pytest.fixture
def crm_db(base_config, monkeypatch, empty_database_url):
    """Run a subcommand on an empty database; return its exit code and output."""
    base_config.folder.mkdir()
    monkeypatch.setenv("CRM_DATABASE_URL", empty_database_url)

    def run(*words, expect=0, answer=None):
        result = CliRunner().invoke(command, [*words, "--folder", str(base_config.folder)], input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == expect, result.output
        return result.output

    return run


def test_upgrade_status_and_check_tell_where_the_database_stands(crm_db):
    assert "to run" in crm_db("status", expect=1)
    assert "ran core_0001" in crm_db("upgrade")
    assert "nothing to do" in crm_db("upgrade")
    assert "up to date" in crm_db("status")
    assert "equal" in crm_db("check")


def test_going_back_asks_first(crm_db):
    crm_db("upgrade")
    assert "lost" in crm_db("downgrade", "core", "base", answer="n\n", expect=1)
    assert "up to date" in crm_db("status")
    crm_db("downgrade", "core", "base", "--yes")
    assert "to run" in crm_db("status", expect=1)


def test_core_cannot_be_purged_and_unknown_plugins_are_named(crm_db):
    with pytest.raises(UserError, match="core cannot be purged"):
        crm_db("purge", "core", "--yes")
    with pytest.raises(UserError, match="nowhere"):
        crm_db("purge", "nowhere", "--yes")
    crm_db("upgrade")
    with pytest.raises(UserError, match="nothing of"):
        crm_db("purge", "nowhere", "--orphan", "--yes")


@pytest.mark.parametrize("words", [("check",), ("revision", "core", "-m", "x"), ("purge", "x", "--orphan", "--yes")])
def test_folder_that_does_not_exist_is_a_plain_error(words, tmp_path, monkeypatch):
    monkeypatch.delenv("CRM_DATABASE_URL", raising=False)
    result = CliRunner().invoke(command, [*words, "--folder", str(tmp_path / "none")])
    assert isinstance(result.exception, UserError)
    assert not (tmp_path / "none").exists()


def test_status_before_anything_was_made_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("CRM_DATABASE_URL", raising=False)
    result = CliRunner().invoke(command, ["status", "--folder", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "to run" in result.output
