"""Write the exact version of every resolved package into the root's constraint-dependencies.

Run `uv run python tools/pins.py` after adding a dependency, with `--upgrade` to take newer versions.
`--check` only tells what is missing or stale; `--print` writes the pins as a constraints file for pip.
No download addresses are written.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^constraint-dependencies = \[\n(.*?)^\]\n", re.MULTILINE | re.DOTALL)
EXPORT = ["uv", "export", "--all-packages", "--all-extras", "--no-hashes", "--no-header", "--no-annotate"]


def pins_of(export: str) -> list[str]:
    """The `name==version` of each exported line, environment markers left out."""
    found = {line.split(";")[0].strip() for line in export.splitlines() if "==" in line}
    return sorted(found)


def with_pins(text: str, pins: list[str]) -> str:
    """The root pyproject with its block of pins replaced."""
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    return BLOCK.sub(lambda _: f"constraint-dependencies = [\n{lines}]\n", text, count=1)


def main(arguments: list[str]) -> int:
    path = ROOT / "pyproject.toml"
    before = path.read_text()
    if "--print" in arguments:
        print("\n".join(tomllib.loads(before)["tool"]["uv"]["constraint-dependencies"]))
        return 0
    upgrade = "--upgrade" in arguments
    if upgrade:
        path.write_text(with_pins(before, []))
    try:
        command = [*EXPORT, "--no-emit-workspace", *(["--upgrade"] if upgrade else [])]
        export = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    except subprocess.CalledProcessError:
        path.write_text(before)
        raise
    after = with_pins(before, pins_of(export))
    if "--check" in arguments:
        if after != before:
            print("pins: pyproject.toml is behind; run `uv run python tools/pins.py`")
        return int(after != before)
    path.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
