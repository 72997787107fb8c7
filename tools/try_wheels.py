"""Install built wheels into a fresh environment without Node, start `crm demo` and fetch one page.

Usage: python tools/try_wheels.py <folder with wheels>
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECONDS = 90
NOWHERE = "http://127.0.0.1:9"  # nothing listens on the discard port


def names(dist: Path) -> list[str]:
    """The distributions in a folder of wheels."""
    return sorted({wheel.name.split("-")[0] for wheel in dist.glob("*.whl")})


def install(dist: Path, folder: Path) -> Path:
    """Make an environment from the wheels alone and return its folder of programs."""
    uv, pins = os.environ.get("UV", "uv"), folder / "pins.txt"
    printed = subprocess.run([sys.executable, "tools/pins.py", "--print"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    pins.write_bytes(printed.stdout)
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, "venv"], cwd=folder, check=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    command = [uv, "pip", "install", "-q", "--python", str(programs / "python"), "-c", "pins.txt", "--no-sources"]
    wheels = [str(wheel) for wheel in sorted(dist.glob("*.whl"))]
    subprocess.run([*command, *wheels], cwd=folder, check=True, env=without_node())
    return programs


def without_node() -> dict[str, str]:
    """Our environment with no folder on PATH that has Node, and no npm registry."""
    kept = [place for place in os.environ.get("PATH", "").split(os.pathsep) if not shutil.which("node", path=place)]
    return {**os.environ, "PATH": os.pathsep.join(kept), "npm_config_registry": NOWHERE}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def fetch(address: str) -> tuple[str, str]:
    """The content type and text of an answer below 400."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own loopback address
        return answer.headers["content-type"], answer.read().decode("utf-8", "replace")


def first_page(process: subprocess.Popen[bytes], address: str) -> str:
    """Wait until the server answers, and return the page."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            kind, text = fetch(address)
        except (urllib.error.URLError, ConnectionError) as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            time.sleep(0.2)
        else:
            if not kind.startswith("text/html"):
                sys.exit(f"{address} answered with {kind}")
            return text
    sys.exit(f"no answer from {address}: exit code {process.poll()} after at most {SECONDS} s")


def start(programs: Path, folder: Path) -> None:
    """Run `crm demo`, fetch the first page and one file that it names, and stop it again."""
    port = free_port()
    settings = {"CRM_FOLDER": str(folder / "data"), "CRM_PORT": str(port), "CRM_STRICT_PLUGINS": "1"}
    path = os.pathsep.join([str(programs), without_node()["PATH"]])
    began = time.monotonic()
    process = subprocess.Popen(
        [str(programs / "crm"), "demo"], cwd=folder, env={**without_node(), **settings, "PATH": path}
    )
    try:
        page = first_page(process, f"http://127.0.0.1:{port}/")
        print(f"wheels: first page after {time.monotonic() - began:.1f} s")
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
        if not files:
            sys.exit("the first page names no file under /static/")
        for file in files:
            fetch(f"http://127.0.0.1:{port}{file}")
        print(f"wheels: {len(files)} files of the page served")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def main(arguments: list[str]) -> int:
    dist = Path(arguments[0]).resolve()
    print(f"wheels: {', '.join(names(dist))}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        programs = install(dist, folder)
        if not any(ROOT.glob("crm_core/src/crm_core/cli.py")):
            print("wheels: installed; crm_core has no command line yet")
            return 1
        start(programs, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
