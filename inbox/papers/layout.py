"""How a paper looks: a head, named values, tables that go over pages, a foot with the page. The same content gives the
same bytes. Pure.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from inbox.papers.letters import BOLD, REGULAR, UNPRINTABLE, printable, register

MARGIN = 18 * mm
INK, SOFT, LINE = colors.HexColor("#1f2430"), colors.HexColor("#5b6270"), colors.HexColor("#c9ced8")


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    share: float  # of the width
    right: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A table with a heading; ``empty`` is said in its place when there are no rows."""

    heading: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = ""
    total: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole paper as words; ``title`` is also what a screen reader announces."""

    title: str
    language: str  # BCP 47, for screen readers: "pt-BR"
    issuer: tuple[str, ...]  # lines: who we are and how to write to us
    values: tuple[tuple[str, str], ...]
    listings: tuple[Listing, ...] = ()
    remarks: tuple[str, ...] = ()
    foot: str = ""
    page_words: str = "{page} / {pages}"
    unprintable_words: str = ""
    letter_size: bool = True  # US letter, else A4


_FRAME = 6  # points that the library's frame keeps free inside its margins: text and tables begin on one line


def draw(page: Page) -> bytes:
    """The PDF. What the font cannot print is marked, and then a remark says so."""
    register()
    size = LETTER if page.letter_size else A4
    width = size[0] - 2 * MARGIN
    ink = _Ink()
    story = _story(page, ink, width)
    if ink.lacking and page.unprintable_words:
        story += [Spacer(1, 4 * mm), ink.text(page.unprintable_words, _SMALL)]
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=size, leftMargin=MARGIN - _FRAME, rightMargin=MARGIN - _FRAME, topMargin=MARGIN, bottomMargin=MARGIN + 6 * mm,
        title=page.title, author=page.issuer[0] if page.issuer else "", subject=page.title, lang=page.language,
        creator="", producer="", invariant=1, displayDocTitle=True, initialFontName=REGULAR,
    )  # fmt: skip
    document.build(story, canvasmaker=_numbered(printable(page.foot), page.page_words))
    return out.getvalue()


class _Ink:
    """Turns words into flowing text, and remembers whether any letter was lacking."""

    def __init__(self) -> None:
        self.lacking = False

    def text(self, words: str, style: ParagraphStyle) -> Paragraph:
        shown = printable(words)
        self.lacking = self.lacking or (UNPRINTABLE in shown and UNPRINTABLE not in words)
        return Paragraph(escape(shown), style)


def _style(name: str, **more: Any) -> ParagraphStyle:
    base: dict[str, Any] = {"fontName": REGULAR, "fontSize": 9.5, "leading": 13, "textColor": INK, "splitLongWords": 1}
    return ParagraphStyle(name, **{**base, **more})


_BODY = _style("body")
_RIGHT = _style("right", alignment=TA_RIGHT)
_LABEL = _style("label", textColor=SOFT)
_SMALL = _style("small", fontSize=8, leading=11, textColor=SOFT)
_TITLE = _style("title", fontName=BOLD, fontSize=16, leading=21, spaceBefore=8 * mm, spaceAfter=5 * mm)
_HEADING = _style(
    "heading", fontName=BOLD, fontSize=11, leading=15, spaceBefore=7 * mm, spaceAfter=2 * mm, keepWithNext=1
)
_HEAD = _style("head", fontName=BOLD, fontSize=8.5, leading=11)
_HEAD_RIGHT = _style("head-right", fontName=BOLD, fontSize=8.5, leading=11, alignment=TA_RIGHT)
_ISSUER = _style("issuer", fontName=BOLD, fontSize=11, leading=15)


def _story(page: Page, ink: _Ink, width: float) -> list[Flowable]:
    story: list[Flowable] = [
        ink.text(line, _ISSUER if n == 0 else _LABEL) for n, line in enumerate(page.issuer) if line
    ]
    story.append(ink.text(page.title, _TITLE))
    if page.values:
        cells = [[ink.text(name, _LABEL), ink.text(value, _BODY)] for name, value in page.values]
        story.append(Table(cells, colWidths=[width * 0.3, width * 0.7], style=_PLAIN, splitInRow=1))
    for listing in page.listings:
        story += _listed(listing, ink, width)
    if page.remarks:
        story.append(Spacer(1, 5 * mm))
        story += [ink.text(remark, _BODY) for remark in page.remarks]
    return story


_PLAIN = TableStyle([
    ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 2),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
])  # fmt: skip
_RULED = TableStyle([
    ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
    ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE), ("LEFTPADDING", (0, 0), (0, -1), 0),
    ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
])  # fmt: skip


def _listed(listing: Listing, ink: _Ink, width: float) -> list[Flowable]:
    story: list[Flowable] = [ink.text(listing.heading, _HEADING)]
    if not listing.rows:
        return [*story, ink.text(listing.empty, _LABEL)] if listing.empty else []
    head = [ink.text(c.head, _HEAD_RIGHT if c.right else _HEAD) for c in listing.columns]
    rows = [
        [ink.text(cell, _RIGHT if c.right else _BODY) for cell, c in zip(row, listing.columns, strict=True)]
        for row in listing.rows
    ]
    widths = [width * c.share for c in listing.columns]
    story.append(LongTable([head, *rows], colWidths=widths, repeatRows=1, style=_RULED, splitInRow=1))
    if listing.total is not None:
        name, value = listing.total
        cells = [[ink.text(name, _HEAD_RIGHT), ink.text(value, _HEAD_RIGHT)]]
        story.append(Table(cells, colWidths=[width * 0.7, width * 0.3], style=_PLAIN))
    return story


def _numbered(foot: str, page_words: str) -> Callable[..., Canvas]:
    """A canvas that writes "page 2 of 5" once it knows how many there are."""

    class Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for n, state in enumerate(self._kept, 1):
                self.__dict__.update(state)
                self.setFont(REGULAR, 8)
                self.setFillColor(SOFT)
                self.drawString(MARGIN, MARGIN, foot)
                words = page_words.format(page=n, pages=len(self._kept))
                self.drawRightString(self._pagesize[0] - MARGIN, MARGIN, words)
                super().showPage()
            super().save()

    return Numbered


__all__: Sequence[str] = ("Column", "Listing", "Page", "draw")
