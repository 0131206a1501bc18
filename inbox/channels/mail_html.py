"""HTML to plain text. Quoted history becomes ``> `` lines and signatures follow a ``-- `` line, as in plain mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from inbox.channels.mail_charset import clean
from inbox.channels.mail_words import word_set

MAX_HTML_CHARS = 2_000_000
_MAX_DEPTH = 400  # of open elements

_BLOCK = word_set(
    "address article aside blockquote body center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header",
    "hr html main nav ol p pre section table tbody tfoot thead tr ul li",
)
_PARAGRAPH = word_set("p h1 h2 h3 h4 h5 h6 ul ol table pre")
_VOID = word_set("area base br col embed hr img input link meta param source track wbr")
_SILENT = word_set("head script style title template noscript object svg select")
_QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "zmail_extra", "protonmail_quote", "hmquote")
_SIGNATURE_CLASSES = (
    "gmail_signature",
    "moz-signature",
    "protonmail_signature",
    "yahoo-signature",
    "ms-outlook-mobile-signature",
)
_HISTORY_IDS = ("divrplyfwdmsg", "appendonsend", "olk_src_body_section", "stopspelling", "replywithquote")
_LEADS = {"li": "- ", "td": " ", "th": " "}
_RAW = frozenset({"script", "style", "title", "noscript", "template"})  # what they hold is no markup for us
_MAX_TAG = 8_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})")
_ATTRIBUTE = re.compile(
    r"""([^\s"'<>/=]{1,60})(?:\s{0,20}=\s{0,20}(?:"([^"]{0,8000})"|'([^']{0,8000})'|([^\s"'=<>`]{1,2000})))?"""
)
_SPACE = re.compile(r"[ \t\n\r\f\u00a0\u200b\ufeff]{1,4000}")

#: Written where a mail program opens the old mail without any visible line of its own.
HISTORY_LINE = "-----Original Message-----"


def to_text(html: str) -> str:
    """The visible text of an HTML mail. Never raises; very long input is cut."""
    reader = _Reader()
    for token in _tokens(html[:MAX_HTML_CHARS]):
        if isinstance(token, str):
            reader.data(token)
        elif token.closing:
            reader.end(token.name)
        else:
            reader.start(token.name, token.attributes)
    return clean(reader.text())


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    closing: bool
    attributes: dict[str, str]


def _tokens(html: str) -> Iterator[_Tag | str]:
    """Tags and text between them. The parser of the standard library needs hours for a megabyte of unclosed tags."""
    lowered = html.lower()
    at, tag_end = 0, -1
    while at < len(html):
        opened = html.find("<", at)
        if opened < 0:
            break
        if opened > at:
            yield _unescaped(html[at:opened])
        if html.startswith("<!--", opened):
            at = _behind(html, "-->", opened + 4)
            continue
        if tag_end <= opened:
            tag_end = html.find(">", opened)
            if tag_end < 0:
                at = opened
                break
        if html[opened + 1 : opened + 2] in ("!", "?"):
            at = tag_end + 1
            continue
        end = _quoted_end(html, opened, tag_end)
        match = _TAG.match(html, opened, end)
        if not match or end - opened > _MAX_TAG:
            yield "<"
            at = opened + 1
            continue
        name = match[2].lower()
        yield _Tag(name, bool(match[1]), {} if match[1] else _attributes(html[match.end() : end]))
        at = end + 1
        if name in _RAW and not match[1]:
            at = _behind(lowered, f"</{name}", at)
    if at < len(html):
        yield _unescaped(html[at:])


def _behind(html: str, mark: str, at: int) -> int:
    """The place of a closing mark, behind it if it is a comment's; the end of all if it never comes."""
    found = html.find(mark, at)
    if found < 0:
        return len(html)
    return found + len(mark) if mark == "-->" else found


def _quoted_end(html: str, opened: int, end: int) -> int:
    """The end of a tag whose attribute holds a ``>``: looked for a few times, within the longest tag allowed."""
    for _ in range(3):
        if end - opened > _MAX_TAG or html.count('"', opened, end) % 2 == 0:
            return end
        further = html.find(">", end + 1, opened + _MAX_TAG)
        if further < 0:
            return end
        end = further
    return end


def _attributes(text: str) -> dict[str, str]:
    return {m[1].lower(): _unescaped(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(text)}


def _unescaped(text: str) -> str:
    try:
        return unescape(text) if "&" in text else text
    except ValueError:  # a character number of thousands of digits
        return text


class _Reader:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pieces: list[str] = []
        self.stack: list[tuple[str, bool, bool]] = []  # tag, is a quote, is silent
        self.quotes = 0
        self.silent = 0
        self.pre = 0

    def text(self) -> str:
        self._flush()
        out: list[str] = []
        for line in self.lines:
            if line.strip(" >") or (out and out[-1].strip(" >")):
                out.append(line)
        return "\n".join(out).strip("\n")

    def start(self, tag: str, given: dict[str, str]) -> None:
        if tag == "br":
            self._break()
            return
        if tag in _BLOCK:
            self._flush(paragraph=tag in _PARAGRAPH)
        if tag in _LEADS:
            self.pieces.append(_LEADS[tag])
        self._mark(tag, given)
        if tag in _VOID or len(self.stack) >= _MAX_DEPTH:
            return
        quote = tag == "blockquote" or _has_class(given, _QUOTE_CLASSES)
        silent = tag in _SILENT or _hidden(given)
        if quote or silent:
            self._flush()
        self.stack.append((tag, quote, silent))
        self.quotes += quote
        self.silent += silent
        self.pre += tag == "pre"

    def end(self, tag: str) -> None:
        if tag == "br":
            self._break()
        if not any(opened == tag for opened, _, _ in self.stack[-50:]):
            return
        if tag in _BLOCK:
            self._flush(paragraph=tag in _PARAGRAPH)
        while self.stack:
            name, quote, silent = self.stack.pop()
            if quote or silent:
                self._flush()
            self.quotes -= quote
            self.silent -= silent
            self.pre -= name == "pre"
            if name == tag:
                break

    def data(self, data: str) -> None:
        if self.silent:
            return
        if not self.pre:
            self.pieces.append(data)
            return
        first, *rest = data.split("\n")
        self.pieces.append(first)
        for more in rest:
            self._break()
            self.pieces.append(more)

    def _mark(self, tag: str, given: dict[str, str]) -> None:
        """Old mail and signatures that are told only by the markup get a line that the plain-text rules know."""
        style = given.get("style", "").lower().replace(" ", "")
        name = given.get("id", "").lower().removeprefix("x_").removeprefix("ecx")
        outlook = tag == "div" and "border-top:solid" in style and "border:none" in style
        if name in _HISTORY_IDS or outlook:
            self._flush()
            self._put(HISTORY_LINE)
        elif _has_class(given, _SIGNATURE_CLASSES) or name == "signature":
            self._flush()
            self._put("-- ")

    def _flush(self, *, paragraph: bool = False) -> bool:
        """End the line that is being written, if there is one."""
        text = "".join(self.pieces)
        self.pieces.clear()
        line = text.rstrip() if self.pre else _SPACE.sub(" ", text).strip()
        if line:
            self._put(line)
        if paragraph and self.lines and self.lines[-1].strip(" >"):
            self._put("")
        return bool(line)

    def _break(self) -> None:
        if not self._flush():
            self._put("")

    def _put(self, line: str) -> None:
        if not self.silent:
            self.lines.append("> " * min(self.quotes, 8) + line)


def _has_class(given: dict[str, str], names: Sequence[str]) -> bool:
    classes = given.get("class", "").lower().split()
    return any(c.removeprefix("x_").removeprefix("ecx") in names for c in classes)


def _hidden(given: dict[str, str]) -> bool:
    style = given.get("style", "").lower().replace(" ", "")
    return "display:none" in style or "visibility:hidden" in style or "mso-hide:all" in style
