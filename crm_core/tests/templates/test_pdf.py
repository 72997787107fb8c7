"""PDF files: what they show, and that a document can neither fetch, nor read, nor run on for ever."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from crm_core.auth.actor import system
from crm_core.features.companies.models import Company
from crm_core.features.pdf.public import PdfFailed, PictureInvalid, picture_address, render_pdf
from crm_core.kernel import Kernel
from PIL import Image
from pypdf import PdfReader


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


async def test_text_in_several_scripts_is_drawn() -> None:
    drawn = await render_pdf("<h1>Angebot – 12 €</h1><p>Ελλάδα <b>Привет</b> <i>ß</i></p>", title="Angebot")
    assert "Angebot – 12 €" in text_of(drawn.pdf)
    assert "Привет" in text_of(drawn.pdf)
    assert PdfReader(io.BytesIO(drawn.pdf)).metadata.title == "Angebot"  # type: ignore[union-attr]
    assert (drawn.missing, drawn.warnings) == ("", [])


async def test_hebrew_and_arabic_have_glyphs() -> None:
    drawn = await render_pdf("<p>שלום עולם</p><p>مرحبا بالعالم</p>")
    assert drawn.missing == ""


async def test_characters_without_a_glyph_are_told() -> None:
    drawn = await render_pdf("<p>Tokyo 東京</p>")
    assert drawn.missing == "京東"


async def test_long_tables_repeat_their_head_on_each_page() -> None:
    rows = "".join(f"<tr><td>Item {n}</td><td>{n}</td></tr>" for n in range(200))
    head = '<tr><th style="width:70%">Name of the item</th><th style="width:30%">Count</th></tr>'
    drawn = await render_pdf(f'<table repeat="1">{head}{rows}</table>')
    pages = PdfReader(io.BytesIO(drawn.pdf)).pages
    assert len(pages) > 3
    assert all("Name of the item" in page.extract_text() for page in pages)


LINES = "<br>".join(f"line {n}" for n in range(400))
TALL = {
    "lines": f'<table><tr><td style="width:30%">Item</td><td style="width:70%">{LINES}</td></tr></table>',
    "paragraphs": f"<table><tr><td>{LINES.replace('<br>', '<p>')}</td></tr></table>",
    "one paragraph": f"<table><tr><td>{LINES.replace('<br>', ' and more words, ')}</td></tr></table>",
    "under a head": f'<table repeat="1"><tr><th>A</th></tr><tr><td>a</td></tr><tr><td>{LINES}</td></tr></table>',
    "colspan": f'<table><tr><td colspan="2">{LINES}</td></tr><tr><td>a</td><td>b</td></tr></table>',
    "asked for": f'<table><tr><td style="-pdf-keep-in-frame-mode: shrink">{LINES}</td></tr></table>',
}


def sizes_of(pdf: bytes) -> set[float]:
    """Return the sizes in which text is printed, in points."""
    found: set[float] = set()

    def note(text: str, cm: Any, tm: Any, _font: Any, size: float) -> None:
        if text.strip():
            found.add(round(size * abs(cm[3] * tm[3]), 1))

    for page in PdfReader(io.BytesIO(pdf)).pages:
        page.extract_text(visitor_text=note)
    return found


@pytest.mark.parametrize("case", TALL)
async def test_a_row_taller_than_a_page_goes_on_in_print_of_the_same_size(case: str) -> None:
    drawn = await render_pdf(TALL[case])
    text = text_of(drawn.pdf)
    assert all(f"line {n}" in text for n in range(400))
    assert sizes_of(drawn.pdf) == {10.0}
    assert drawn.warnings == []


@pytest.mark.parametrize("cell", ["{word}", "<b>a</b> {word}", "<p>{word}</p>", "<ul><li>{word}</li></ul>"])
async def test_a_word_wider_than_its_column_is_broken_and_covers_no_neighbour(cell: str) -> None:
    word = "Donaudampfschifffahrtsgesellschaftskapitaen" * 2
    cells = f'<td style="width:20%">{cell.format(word=word)}</td><td style="width:80%">neighbour</td>'
    drawn = await render_pdf(f"<table><tr>{cells}</tr></table>")
    printed: dict[str, float] = {}

    def note(text: str, _cm: Any, tm: Any, _font: Any, size: float) -> None:
        if text.strip():
            printed[text.strip()] = tm[4] + len(text.strip()) * size * 0.4  # no letter is as narrow on average

    PdfReader(io.BytesIO(drawn.pdf)).pages[0].extract_text(visitor_text=note)
    assert "".join(text_of(drawn.pdf).split()).count(word) == 1
    pieces = [text for text in printed if text in word and len(text) > 3]
    assert len(pieces) > 2
    assert max(len(text) for text in pieces) < 30
    assert drawn.warnings == []


async def test_what_cannot_be_cut_is_refused_and_what_is_shrunk_is_told() -> None:
    with pytest.raises(PdfFailed, match="a cell with rowspan"):
        await render_pdf(f'<table><tr><td rowspan="2">a</td><td>{LINES}</td></tr><tr><td>b</td></tr></table>')
    kept = await render_pdf(f'<div style="-pdf-keep-in-frame-mode: shrink">{LINES}</div>')
    assert kept.warnings == ["-pdf-keep-in-frame-mode drew its text at 13 %."]
    frame = "<style>@page { @frame h { -pdf-frame-content: h; top: 1cm; height: 2cm } @frame b { top: 4cm } }</style>"
    head = await render_pdf(f'{frame}<div id="h">{LINES}</div><p>body</p>')
    assert "Give the @frame more height" in head.warnings[0]


PROBES = (
    '<img src="{url}/img">',
    '<link rel="stylesheet" href="{url}/link.css">',
    "<style>@import url('{url}/import.css');</style>",
    "<style>@font-face {{ font-family: X; src: url('{url}/font.ttf'); }} p {{ font-family: X }}</style><p>x</p>",
    "<style>@page {{ background-image: url('{url}/page.png'); }}</style><p>x</p>",
    "<p style=\"background-image: url('{url}/p.png')\">x</p>",
    (
        '<img src="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 xmlns:xlink=%22http://www.w3.org/1999/xlink%22'
        '%3E%3Cimage xlink:href=%22{url}/svg%22 width=%2210%22 height=%2210%22/%3E%3C/svg%3E">'
    ),
    '<pdf:include src="{url}/include.html">',
    '<object data="{url}/object"></object><embed src="{url}/embed"><iframe src="{url}/frame"></iframe>',
    '<base href="{url}/"><img src="img"><link rel="stylesheet" href="link.css">',
    '<svg xmlns:x="http://www.w3.org/1999/xlink"><use x:href="{url}/use.svg#a"/><image href="{url}/img"/></svg>',
    '<link rel="attachment" href="{url}/img"><a rel="attachment" href="{url}/img">x</a>',
    '<pdf:font name="X" src="{url}/font.ttf"/><p style="font-family: X">x</p>',
    "<style>li {{ list-style-image: url('{url}/img') }}</style><ul><li>x</li></ul>",
    '<table background="{url}/img"><tr><td background="{url}/img">x</td></tr></table><body background="{url}/img">',
    '<input type="image" src="{url}/img"><video src="{url}/img" poster="{url}/img"></video><audio src="{url}/img">',
    '<meta http-equiv="refresh" content="0;url={url}/img"><script src="{url}/x.js"></script>',
    '<img srcset="{url}/img 2x" src="{url}/img?a=1"><picture><source srcset="{url}/img"></picture>',
)


@pytest.mark.counted
async def test_documents_fetch_nothing_and_read_no_file(tmp_path: Path) -> None:
    """T11: addresses of ours and files, in every place of a document that may name one."""
    asked: list[bytes] = []

    async def serve(reader: Any, writer: Any) -> None:
        asked.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (tmp_path / "img").write_text("top-secret-marker")
    drawn = refused = 0
    async with server:
        for url in (f"http://127.0.0.1:{port}", f"http://[::ffff:127.0.0.1]:{port}", f"http://localhost:{port}",
                    tmp_path.as_uri(), str(tmp_path), "file:///etc/passwd#", "http://169.254.169.254"):  # fmt: skip
            for probe in PROBES:
                try:
                    made = await render_pdf(probe.format(url=url) + "<p>drawn</p>")
                except PdfFailed:
                    refused += 1
                    continue
                drawn += 1
                assert b"top-secret-marker" not in made.pdf, probe
                assert "root:" not in text_of(made.pdf), probe
                assert not PdfReader(io.BytesIO(made.pdf)).attachments, probe
    print(
        f"\nT11: N = {drawn + refused} documents ({len(PROBES)} places, {drawn} drawn, {refused} refused): "
        f"{len(asked)} fetched, 0 files read, 0 files embedded"
    )
    assert asked == []
    assert drawn > refused


async def test_a_picture_file_of_this_machine_is_not_drawn(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "own.png")
    for address in (tmp_path / "own.png", (tmp_path / "own.png").as_uri(), "own.png"):
        drawn = await render_pdf(f'<p>drawn</p><img src="{address}">')
        assert [len(page.images) for page in PdfReader(io.BytesIO(drawn.pdf)).pages] == [0], address


async def test_documents_that_do_not_end_are_stopped() -> None:
    long, deep = "<table>" + "<tr><td>x</td></tr>" * 150_000 + "</table>", "<div>" * 5000 + "x" + "</div>" * 5000
    failed = await asyncio.gather(render_pdf(long), render_pdf(deep), return_exceptions=True)
    assert [type(one) for one in failed] == [PdfFailed, PdfFailed], failed
    assert (await render_pdf("<p>still here</p>")).pdf.startswith(b"%PDF-")


async def test_pictures_are_drawn_anew_and_bombs_refused() -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "JPEG", comment=b"hidden-marker")
    address = await picture_address(out.getvalue())
    assert address.startswith("data:image/png;base64,")
    drawn = await render_pdf(f'<img src="{address}">')
    assert drawn.warnings == []
    assert len(PdfReader(io.BytesIO(drawn.pdf)).pages[0].images) == 1
    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    for content in (bomb.getvalue(), b"no picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>"):
        with pytest.raises(PictureInvalid):
            await picture_address(content)


async def test_drawing_inside_a_transaction_that_has_written_is_a_mistake(kernel: Kernel) -> None:
    async with kernel.write(system("test")) as uow:
        uow.session.add(Company(name="Brown"))
        await uow.session.flush()  # the write has happened
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await render_pdf("<p>x</p>")
