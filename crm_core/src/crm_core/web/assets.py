"""Static files of all packages: one digest per package in the address, one import map for the browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

import crm_ui_assets

# Python's own table differs between systems; these are the only types we serve.
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".map": "application/json",
}
FOREVER, ASK = "public, max-age=31536000, immutable", "no-cache"


class Assets:
    """Where each package's static files are, under which addresses, and the import map over them.

    One digest per package keeps relative imports and css `url()` working without rewriting.
    """

    def __init__(self, packages: Iterable[str]) -> None:
        self.roots: dict[str, tuple[Path, str]] = {}
        self.imports: dict[str, str] = {}
        self.styles: list[str] = []
        self._add("ui", crm_ui_assets.STATIC)
        for name, path in crm_ui_assets.manifest()["imports"].items():
            self.imports[name] = self.url("ui", path)
        for package in packages:
            root = Path(str(files(package))) / "static"
            if root.is_dir():
                self._add_package(package, root)
        text = json.dumps({"imports": self.imports}, separators=(",", ":")).replace("<", "\\u003c")
        self.import_map = Markup(text)  # noqa: S704 - made from our own file names, `<` escaped
        self.csp_hash = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    def _add_package(self, package: str, root: Path) -> None:
        self._add(package, root)
        self.imports[f"{package}/"] = self.url(package, "")
        for file in sorted((root / "elements").glob("*.js")):
            self.imports[f"#el/{file.stem}"] = self.url(package, f"elements/{file.name}")
        if package != "crm_core" and (root / f"{package}.css").is_file():
            self.styles.append(self.url(package, f"{package}.css"))

    def _add(self, name: str, root: Path) -> None:
        digest = hashlib.sha256()
        for file in sorted(p for p in root.rglob("*") if p.is_file()):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
        self.roots[name] = (root.resolve(), digest.hexdigest()[:12])

    def url(self, package: str, path: str) -> str:
        """Return the address of a package's file; KeyError for a package without static files."""
        return f"/static/{package}/{self.roots[package][1]}/{path}"

    def find(self, package: str, path: str) -> Path | None:
        """Return the file, or None for anything outside the package's folder or of an unknown type."""
        root, _ = self.roots.get(package, (None, ""))
        if root is None or "\0" in path:
            return None
        file = (root / path.lstrip("/")).resolve()
        return file if file.is_relative_to(root) and file.is_file() and file.suffix in MEDIA_TYPES else None


def icon_svg(name: str, css: str = "") -> Markup:
    """Return a Tabler icon as inline SVG, hidden from screen readers; a circle for an unknown name."""
    inner = crm_ui_assets.icons().get(name) or crm_ui_assets.icons()["circle"]
    fill = "currentColor" if name.endswith("-filled") else "none"
    stroke = "none" if name.endswith("-filled") else "currentColor"
    return Markup(  # noqa: S704 - drawn by crm-ui-assets, the class is escaped
        f'<svg class="{html.escape(f"icon {css}".strip())}" viewBox="0 0 24 24" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{inner}</svg>'
    )
