"""Check that every relative link in our Markdown leads to a file, and every #anchor to a heading.

Usage: python tools/lint_docs.py
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = ("*.md", "docs/**/*.md", "crm_*/*.md", "plugins/*/*.md", "examples/**/*.md")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")
CODE = re.compile(r"^(```|~~~).*?^\1[^\n]*$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def without_code(text: str) -> str:
    return CODE.sub(lambda match: "\n" * match.group().count("\n"), text)


def anchors(text: str) -> set[str]:
    """The anchors that headings get on code hosts."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+\s+(.+?)\s*#*$", prose, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def lint(path: Path) -> list[tuple[int, str]]:
    """All dead links of one file as (line, text)."""
    text = without_code(path.read_text(encoding="utf-8"))
    faults = []
    for match in LINK.finditer(text):
        target, _, anchor = match.group(1).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        aim = (path.parent / target) if target else path
        line = text.count("\n", 0, match.start()) + 1
        if not aim.exists():
            faults.append((line, f"no file {target}"))
        elif anchor and aim.suffix == ".md" and anchor not in anchors(aim.read_text(encoding="utf-8")):
            faults.append((line, f"no heading #{anchor} in {target or path.name}"))
    return faults


def main() -> int:
    paths = sorted({path for place in PLACES for path in ROOT.glob(place)})
    faults = [(path, *fault) for path in paths for fault in lint(path)]
    for path, line, text in faults:
        print(f"{path.relative_to(ROOT)}:{line}: {text}")
    print(f"docs: {len(paths)} files, {len(faults)} dead links")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
