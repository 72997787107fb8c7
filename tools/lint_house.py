"""Check our own Python and JavaScript for what the house style forbids and no other linter sees.

Usage: python tools/lint_house.py [file ...]   (without files: all sources of the workspace)

Fails on: unsafe calls, swallowed errors, the environment read outside config.py, `.flush(` in request
handlers, `.commit(` outside the kernel's own places, catch-all module names, files over 350 lines, a kernel
over its limit. Only lists: files over 300 lines, functions over 40.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = ("crm_core/src", "crm_ui_assets/src", "plugins/*/src", "examples", "tools")
KERNEL = "crm_core/src/crm_core"
NOT_KERNEL = ("features", "testing", "migrations", "commands")
KERNEL_LINES = 22_700  # may only go down: docs/decisions/0006-size-of-the-kernel.md
FILE_LINES, FILE_LIMIT, FUNCTION_LINES = 300, 350, 40

UNSAFE_MODULES = {"dill", "marshal", "pickle", "shelve"}
UNSAFE_CALLS = {"eval", "exec"}
UNSAFE_METHODS = {"yaml.load", "yaml.unsafe_load", "os.system", "os.popen"}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
CATCH_ALL_NAMES = {"base", "common", "helpers", "managers", "misc", "services", "utils"}
HANDLERS = {"rest.py", "pages.py", "public_pages.py"}
MAY_COMMIT = ("crm_core/uow.py", "crm_core/jobs/", "crm_core/db/", "crm_core/auth/")
SCRIPT_FAULTS = {
    r"\beval\s*\(": "eval is forbidden by the content security policy",
    r"\bnew Function\b": "new Function is forbidden by the content security policy",
    r"""<[^>\n]*\sstyle=["']?""": "style= in markup is forbidden by the policy: use a class or el.style.x",
    r"""<[^>\n]*\son[a-z]+=["']""": "event attributes are forbidden by the policy: use addEventListener",
    r"""(from|import)\s*\(?\s*["'](https?:)?//""": "modules come from our own packages",
    r"\bdocument\.write\b": "document.write breaks pages that htmx updates",
}

Fault = tuple[int, str]


def lint_python(source: str, path: str) -> list[Fault]:
    """All faults of one Python file; `path` is relative to the root and decides which rules apply."""
    tree = ast.parse(source)
    faults = [fault for node in ast.walk(tree) for fault in node_faults(node, path)]
    lines = source.count("\n")
    if lines > FILE_LIMIT and "/migrations/" not in path:
        faults.append((1, f"{lines} lines: split by noun before {FILE_LIMIT}"))
    if Path(path).stem in CATCH_ALL_NAMES:
        faults.append((1, f"{Path(path).name}: name the file after what it holds"))
    return sorted(faults)


def node_faults(node: ast.AST, path: str) -> Iterator[Fault]:
    match node:
        case ast.Import(names=names):
            modules = [alias.name.split(".")[0] for alias in names]
            yield from ((node.lineno, f"{name}: data that runs code") for name in modules if name in UNSAFE_MODULES)
        case ast.ImportFrom(module=str(module)):
            if module.split(".")[0] in UNSAFE_MODULES:
                yield node.lineno, f"{module}: data that runs code"
            if module == "os":
                taken = {f"os.{alias.name}" for alias in node.names}
                yield from environment_fault(node, path, taken)
        case ast.Call(func=func):
            yield from call_faults(func, path)
        case ast.Attribute():
            yield from environment_fault(node, path, {dotted(node)})
        case ast.ExceptHandler():
            yield from handler_faults(node)


def call_faults(func: ast.expr, path: str) -> Iterator[Fault]:
    name, method = dotted(func), func.attr if isinstance(func, ast.Attribute) else ""
    if name in UNSAFE_CALLS or name in UNSAFE_METHODS:
        yield func.lineno, f"{name}: runs what it is given"
    if method == "flush" and Path(path).name in HANDLERS:
        yield func.lineno, ".flush() in a handler: the unit of work flushes; raise to undo"
    if method == "commit" and not any(place in path for place in MAY_COMMIT):
        yield func.lineno, ".commit(): application code never commits"


def environment_fault(node: ast.expr | ast.stmt, path: str, names: set[str]) -> Iterator[Fault]:
    is_ours = path.startswith(("crm_core/", "plugins/", "examples/"))
    # Tests ask pytest's variables; whoever starts a process hands its own environment on.
    places = ("crm_core/config.py", "/crm_core/testing/", "crm_core/isolate.py", "examples/", "tools/")
    may_read = any(place in path for place in places)
    if is_ours and names & ENVIRONMENT and not may_read:
        yield node.lineno, "the environment is read in crm_core/config.py only"


def handler_faults(node: ast.ExceptHandler) -> Iterator[Fault]:
    if node.type is None:
        yield node.lineno, "bare except: catch what you can answer"
    if len(node.body) == 1 and isinstance(node.body[0], ast.Pass):
        yield node.lineno, "except … pass: answer the error, or contextlib.suppress with a reason"


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a chain of names, else an empty text."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def long_parts(source: str) -> Iterator[Fault]:
    """What is getting too long: listed, not failed."""
    lines = source.count("\n")
    if FILE_LINES < lines <= FILE_LIMIT:
        yield 1, f"file of {lines} lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES:
                yield node.lineno, f"{node.name}: {length} lines"


def lint_script(source: str) -> list[Fault]:
    """All faults of one JavaScript module."""
    found = ((m, text) for pattern, text in SCRIPT_FAULTS.items() for m in re.finditer(pattern, source))
    return sorted((source.count("\n", 0, match.start()) + 1, text) for match, text in found)


def kernel_lines(root: Path) -> int:
    """Lines of Python in the kernel: everything but features, testing and migrations."""
    kernel = root / KERNEL
    files = (p for p in kernel.rglob("*.py") if p.relative_to(kernel).parts[0] not in NOT_KERNEL)
    return sum(path.read_text(encoding="utf-8").count("\n") for path in files)


def all_sources() -> list[Path]:
    folders = [folder for place in SOURCES for folder in ROOT.glob(place)]
    found = {path for folder in folders for ending in ("*.py", "*.js") for path in folder.rglob(ending)}
    return sorted(path for path in found if "crm_ui_assets/static" not in path.as_posix())


def main(arguments: list[str]) -> int:
    paths = [Path(name).resolve() for name in arguments] or all_sources()
    faults, long = [], []
    for path in paths:
        name, source = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        if path.suffix == ".js":
            faults += [(name, *fault) for fault in lint_script(source)]
        else:
            faults += [(name, *fault) for fault in lint_python(source, name)]
            long += [(name, *part) for part in long_parts(source)]
    size = kernel_lines(ROOT)
    if size >= KERNEL_LINES:
        faults.append((KERNEL, 0, f"the kernel has {size} lines, the limit is {KERNEL_LINES}"))
    for name, line, text in long:
        print(f"{name}:{line}: long: {text}")
    for name, line, text in faults:
        print(f"{name}:{line}: {text}")
    print(f"house style: {len(paths)} files, {len(faults)} faults, {len(long)} long parts, kernel {size} lines")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
