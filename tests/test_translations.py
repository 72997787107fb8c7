"""Every text of core has its German, and the compiled catalogue is that of the .po file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_text_is_translated_and_compiled() -> None:
    command = [sys.executable, "tools/locales.py", "crm_core/src/crm_core", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    hint = "Add new texts with: uv run python tools/locales.py crm_core/src/crm_core"
    assert done.returncode == 0, f"{done.stdout}\n{hint}"
