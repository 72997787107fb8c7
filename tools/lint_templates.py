"""Check every Jinja template for what the content security policy, translation and htmx 4 do not allow.

Usage: python tools/lint_templates.py [file ...]   (without files: all templates of the workspace)

Refused: htmx attributes that are not on the list, `hx-on`, `js:` values, trigger filters, inline style,
script and event handlers, files from other hosts, `|safe` and its kin, text that cannot be translated.
Text inside an element with `translate="no"`, <code>, <kbd> and <samp> is left alone.
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError, nodes

ROOT = Path(__file__).parent.parent
PLACES = ("crm_core/src/*/templates", "plugins/*/src/*/templates", "examples/*/src/*/templates")

HTMX = {
    *("hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "hx-target", "hx-trigger", "hx-include", "hx-vals"),
    *("hx-select", "hx-push-url", "hx-replace-url", "hx-indicator", "hx-disable", "hx-confirm", "hx-sync"),
    *("hx-encoding", "hx-preserve", "hx-ignore", "hx-morph-skip"),
}
# Their spelling changed between htmx 2 and 4 and may again: plugins reach them through core's macros.
HTMX_IN_CORE = {"hx-swap", "hx-status", "hx-sse", "hx-partial"}
WORDED = {
    "alt",
    "aria-description",
    "aria-label",
    "aria-roledescription",
    "hx-confirm",
    "label",
    "placeholder",
    "title",
}
WORDED_ARGUMENTS = {"confirm", "description", "empty", "heading", "help", "hint", "label", "message", "placeholder"}
WORDED_ARGUMENTS |= {"subtitle", "text", "title"}
UNSAFE = {"safe", "Markup", "mark_safe"}
DATA_SCRIPTS = {"application/json", "application/ld+json", "importmap"}
SILENT = {"code", "kbd", "samp", "script", "style"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
HOLE = "\ue000"  # stands for what Jinja prints
WORD = re.compile(r"[^\W\d_]{2,}")
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)

Fault = tuple[int, str]


def lint(source: str, *, in_core: bool = False, in_mail: bool = False) -> list[Fault]:
    """All faults of one template as (line, text). Mails are styled in line: mail programs know no other way."""
    try:
        tree = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True).parse(source)
    except TemplateSyntaxError as error:
        return [(error.lineno, f"does not parse: {error.message}")]
    page = Page(in_core=in_core, in_mail=in_mail)
    page.feed(JINJA.sub(blank, source))
    page.close()
    return sorted({*page.faults, *expression_faults(tree)})


def blank(match: re.Match[str]) -> str:
    """Replace Jinja by characters that mean nothing to HTML, keeping the line count."""
    text = match.group()
    filler = HOLE if text.startswith("{{") else " "
    return filler + "\n" * text.count("\n")


class Page(HTMLParser):
    """Walks the tags and texts of one template."""

    def __init__(self, *, in_core: bool, in_mail: bool) -> None:
        super().__init__()
        self.in_core, self.in_mail = in_core, in_mail
        self.faults: list[Fault] = []
        self.silent: list[str] = []  # the open element that keeps its text, and elements of its name inside it

    def fault(self, text: str) -> None:
        self.faults.append((self.getpos()[0], text))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.check_tag(tag, attrs)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.check_tag(tag, attrs)
        opens = tag in SILENT or dict(attrs).get("translate") == "no"
        if tag not in VOID and (tag == self.silent[-1] if self.silent else opens):
            self.silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        word = WORD.search(data)
        if word and not self.silent:
            offset = data[: word.start()].count("\n")
            text = " ".join(data.replace(HOLE, "…").split())[:60]
            self.faults.append((self.getpos()[0] + offset, f'untranslated text "{text}"'))

    def check_tag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "style" and not self.in_mail:
            self.fault("inline <style>: use the package's style sheet")
        if tag == "script" and "src" not in given and given.get("type", "") not in DATA_SCRIPTS:
            self.fault("inline <script>: use a module in static/")
        if tag.startswith("hx-") and not self.in_core:
            self.fault(f"<{tag}>: use the macro of core")
        if tag == "form" and any(name.startswith("hx-p") for name in given) and "action" not in given:
            self.fault("a form with hx-post needs action= too: every form works without JavaScript")
        if tag in {"script", "link", "img", "iframe", "source"}:
            self.check_source(given.get("src", "") or given.get("href", ""))
        if (
            tag == "input"
            and given.get("type") in {"submit", "button", "reset"}
            and WORD.search(given.get("value", ""))
        ):
            self.fault(f'untranslated value="{given["value"]}"')
        for name, value in given.items():
            self.check_attribute(name, value)

    def check_source(self, address: str) -> None:
        if re.match(r"(https?:)?//", address):
            self.fault(f"{address}: files come from our own packages")

    def check_attribute(self, name: str, value: str) -> None:
        if name == "style" and not self.in_mail:
            self.fault("inline style=: use a class")
        if re.fullmatch(r"on[a-z]+", name):
            self.fault(f"{name}=: events are bound in an element's module")
        if value.strip().lower().startswith("javascript:"):
            self.fault(f"{name}= runs a script")
        if name in WORDED and WORD.search(value.replace(HOLE, " ")):
            self.fault(f'untranslated {name}="{value.replace(HOLE, "…")}"')
        if name.startswith(("hx-", "data-hx-")):
            self.check_htmx(name.removeprefix("data-"), value)

    def check_htmx(self, name: str, value: str) -> None:
        base, _, modifier = name.partition(":")
        known = base in HTMX and modifier in {"", "inherited"}
        if base == "hx-on":
            self.fault("hx-on needs eval, which the policy forbids")
        elif base in HTMX_IN_CORE:
            if not self.in_core:
                self.fault(f"{base}: use the macro of core")
        elif not known:
            self.fault(f"{name} is not on the list of htmx attributes")
        if re.match(r"\s*(js|javascript):", value, re.IGNORECASE):
            self.fault(f"{name} with a js: value needs eval")
        if base == "hx-trigger" and "[" in value:
            self.fault("hx-trigger with a [filter] needs eval")


def expression_faults(tree: nodes.Template) -> Iterator[Fault]:
    """Faults inside {{ }} and {% %}: unescaped output and literal texts."""
    for found in tree.find_all((nodes.Filter, nodes.Call, nodes.ScopedEvalContextModifier)):
        name = found.name if isinstance(found, nodes.Filter) else getattr(getattr(found, "node", None), "name", "")
        if name in UNSAFE:
            yield found.lineno, f"{name}: HTML reaches templates escaped, or as Markup from code"
        if isinstance(found, nodes.ScopedEvalContextModifier):
            yield found.lineno, "autoescape block: HTML reaches templates escaped, or as Markup from code"
    for pair in tree.find_all(nodes.Keyword):
        if pair.key in WORDED_ARGUMENTS and (text := literal(pair.value)) and WORD.search(text):
            yield pair.lineno, f'untranslated {pair.key}="{text}"'
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            for text in printed(part):
                if re.match(r"[^\W\d_]", text) and text[0].isupper():
                    yield part.lineno, f'untranslated text "{text}"'


def printed(node: nodes.Node | None) -> Iterator[str]:
    """The literals that an expression can print as they stand."""
    if (text := literal(node)) is not None:
        yield text
    elif isinstance(node, nodes.CondExpr):
        yield from printed(node.expr1)
        yield from printed(node.expr2)
    elif isinstance(node, nodes.Or | nodes.Add):
        yield from printed(node.left)
        yield from printed(node.right)
    elif isinstance(node, nodes.Concat):
        for part in node.nodes:
            yield from printed(part)
    elif isinstance(node, nodes.Filter):
        for argument in node.args if node.name in {"default", "d"} else ():
            yield from printed(argument)


def literal(node: nodes.Node | None) -> str | None:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def all_templates() -> list[Path]:
    folders = [folder for place in PLACES for folder in ROOT.glob(place)]
    return sorted(path for folder in folders for path in folder.rglob("*.html"))


def main(arguments: list[str]) -> int:
    paths = [Path(name).resolve() for name in arguments] or all_templates()
    faults = 0
    for path in paths:
        in_core, in_mail = "/templates/core/" in path.as_posix(), path.parent.name == "mail"
        for line, text in lint(path.read_text(encoding="utf-8"), in_core=in_core, in_mail=in_mail):
            faults += 1
            print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}: {text}")
    print(f"templates: {len(paths)} read, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
