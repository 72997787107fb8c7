"""The commands of the guides run as they stand against a fresh demo installation."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
CRM = [sys.executable, "-c", "from crm_core.cli import main; main()"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment the guide's commands expect: CRM and TOKEN."""
    environment = os.environ | {"CRM_FOLDER": str(tmp_path / "crm")}
    log = tmp_path / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen([*CRM, "demo", "--port", "0"], env=environment, stdout=out, stderr=out)
    try:
        for _attempt in range(900):
            if found := re.search(r"^ready (\S+)", log.read_text(), re.MULTILINE):
                break
            time.sleep(0.1)
        else:
            raise AssertionError(log.read_text())
        create = [*CRM, "token", "create", "admin@example.com"]
        token = subprocess.run(create, env=environment, capture_output=True, text=True, check=True)
        yield environment | {"CRM": found[1], "TOKEN": token.stdout.strip().splitlines()[-1]}
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("guide", ["api.md", "sales.md", "custom-fields.md", "duplicates.md", "leads.md"])
def test_every_command_of_the_guide_works(demo: dict[str, str], tmp_path: Path, guide: str) -> None:
    for program in ("bash", "curl", "jq"):
        assert shutil.which(program), f"{program} is needed to run the guide's commands"
    blocks = re.findall(r"^```sh\n(.*?)^```$", (DOCS / guide).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    script = "set -xeuo pipefail\n" + "\n".join(blocks)
    done = subprocess.run(["bash", "-c", script], env=demo, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
