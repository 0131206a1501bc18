"""Turns approved templates and facts into one message. Pure: the same input gives the same bytes.

Several parts become one message, a paragraph each. Text from outside reaches a template only as a value: it is
printed, never evaluated; control characters are taken out, and in HTML it is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from html import escape
from types import MappingProxyType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inbox.errors import DataError, MissingFact
from inbox.message import ChannelName, Language
from inbox.money import Money
from inbox.settings import Company
from inbox.templates import catalog, filters

Bundle = Mapping[str, str]
#: Sources of one answer in one language: subject, email, sms, chat, voice.
LAYOUT = "_layout"
#: Names every template may use besides its facts.
CONTEXT = frozenset({"company", "recipient_name", "channel", "language", "timezone", "alone"})
LIST_LIMIT = 200
TEXT_LIMIT = 1000  # of one fact
OUTPUT_LIMIT = 20_000
SOURCE_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Part:
    """One answer with its facts; ``greeting`` and ``thanks`` only lead and close what else is said."""

    answer: str
    bundle: Bundle
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str = ""


def render(
    bundle_parts: Sequence[Part],
    channel: ChannelName,
    language: Language,
    company: Company,
    recipient_name: str = "",
    *,
    timezone: str = "",
) -> Rendered:
    """One message for one channel.

    ``timezone`` (IANA) is where clock times are shown; empty leaves aware times as they are. A part named ``_layout``
    replaces the shipped email layout. Raises ``MissingFact`` if a fact is not there, ``DataError`` if a template
    cannot be used.
    """
    layout = next((p.bundle for p in bundle_parts if p.answer == LAYOUT), None)
    parts = _ordered([p for p in bundle_parts if p.answer != LAYOUT], channel)
    shared = {
        "company": company,
        "recipient_name": clean(recipient_name),
        "channel": channel,
        "language": language,
        "timezone": timezone,
        "alone": len(parts) == 1,
    }
    contexts = [{**shared, **complete(part.answer, part.facts)} for part in parts]
    if not parts:
        raise DataError(["there is no answer to render; give at least one part besides the layout"])
    bodies = [_body(part, context, channel) for part, context in zip(parts, contexts, strict=True)]
    text = _tidy("\n\n".join(b for b in bodies if b), channel)
    if channel != "email":
        return Rendered("", text)
    bundle = layout or catalog.load().bundle(LAYOUT, language)
    subject = _one_line(fill(parts[0].bundle["subject"], contexts[0], f"{parts[0].answer}/subject"))
    links = [url for part in parts for url in _links(part.facts)]
    return _mail(subject, text, bundle, {**shared, "agent_name": ""}, [*links, company.portal_url])


def _body(part: Part, context: Mapping[str, Any], channel: ChannelName) -> str:
    if channel not in part.bundle:
        raise DataError([f"the answer {part.answer} has no text for {channel}"])
    return _flow(fill(part.bundle[channel], context, f"{part.answer}/{channel}"), channel)


def letter(
    text: str,
    channel: ChannelName,
    language: Language,
    company: Company,
    recipient_name: str = "",
    *,
    agent_name: str = "",
    layout: Bundle | None = None,
) -> Rendered:
    """A person's own words in the layout of the channel, without the automated notice; nothing in it is evaluated."""
    kept = _strip_controls(text.replace("\r\n", "\n"), keep_lines=True)
    body = _tidy(kept, channel) if channel == "voice" else _tidy(kept, "email")
    if channel != "email":
        return Rendered("", body.translate(_PLAIN) if channel == "sms" else body)
    shared = {
        "company": company, "recipient_name": clean(recipient_name), "channel": channel, "language": language,
        "timezone": "", "alone": True, "agent_name": clean(agent_name),
    }  # fmt: skip
    bundle = layout or catalog.load().bundle(LAYOUT, language)
    subject = _one_line(fill(bundle["subject"], shared, f"{LAYOUT}/subject"))
    return _mail(subject, body, bundle, shared, [company.portal_url])


def fill(source: str, context: Mapping[str, Any], name: str) -> str:
    """One template with its values. ``name`` is for error messages."""
    pieces: list[str] = []
    length = 0
    try:
        for piece in compiled(source).generate(context):
            pieces.append(piece)
            length += len(piece)
            if length > OUTPUT_LIMIT:
                raise ValueError(f"the text is longer than {OUTPUT_LIMIT} characters; shorten the list")
    except UndefinedError as error:
        raise MissingFact(fact=_undefined_name(error)) from error
    except SecurityError as error:
        raise DataError([f"template {name}: {error}; a template may only print facts"]) from error
    except (TemplateError, RecursionError) as error:
        raise DataError([f"template {name}: {error}"]) from error
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise DataError([f"template {name}: a value does not fit: {error}"]) from error
    return "".join(pieces)


@lru_cache(maxsize=4096)
def compiled(source: str) -> Template:
    """The template of a source text; the source itself is the key, so an edited one is compiled anew.

    Raises ``DataError`` or a ``TemplateError`` for what is not allowed in one.
    """
    allowed(source)
    return ENVIRONMENT.from_string(source)


#: All that a template needs in order to print: no calls, no arithmetic, no macros, no other files.
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Filter,
    nodes.Keyword, nodes.If, nodes.For, nodes.CondExpr, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Assign, nodes.Dict, nodes.Pair, nodes.List, nodes.Tuple,
)  # fmt: skip
_LOOPS_DEEP = 2


def allowed(source: str) -> nodes.Template:
    """The syntax tree of a template that only prints. Raises ``SecurityError`` or ``TemplateSyntaxError``."""
    if len(source) > SOURCE_LIMIT:
        raise SecurityError(f"the template has more than {SOURCE_LIMIT} characters")
    tree = ENVIRONMENT.parse(source)
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise SecurityError(f"line {node.lineno} uses {type(node).__name__}")
    if _loops(tree) > _LOOPS_DEEP:
        raise SecurityError(f"loops stand more than {_LOOPS_DEEP} deep")
    return tree


def _loops(node: nodes.Node) -> int:
    deepest = max((_loops(child) for child in node.iter_child_nodes()), default=0)
    return deepest + isinstance(node, nodes.For)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_printable
    )
    environment.globals.clear()
    environment.filters = dict(filters.FILTERS)
    return environment


def _printable(value: Any) -> str | int:
    """What may stand in a text as it is; everything else needs a filter, and nothing is not a fact."""
    if isinstance(value, StrictUndefined):
        return str(value)  # raises, naming the variable
    if value is None:
        raise MissingFact(fact="a value that is None")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError(f"{type(value).__name__} cannot be printed as it is; use | money, | day, | moment or | listed")
    return value


def _undefined_name(error: UndefinedError) -> str:
    pieces = str(error).split("'")
    return pieces[-2] if len(pieces) >= 3 else str(error)


def complete(answer: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts a template sees: cleaned, optional ones that are absent as None. Raises ``MissingFact``."""
    spec = catalog.load().specs.get(answer)
    whole = spec.complete(facts) if spec else dict(facts)
    return {name: clean(value) for name, value in whole.items()}


def clean(value: Any) -> Any:
    """A value as templates may have it: no control characters, no endless lists, nothing that can be changed."""
    if isinstance(value, str):
        return _strip_controls(value)[:TEXT_LIMIT]
    if value is None or isinstance(value, (bool, int, Money, date, datetime, time)):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({str(k): clean(v) for k, v in value.items()})
    if isinstance(value, Sequence):
        if len(value) > LIST_LIMIT:
            raise DataError([f"a fact lists {len(value)} records; at most {LIST_LIMIT} fit in an answer"])
        return tuple(clean(v) for v in value)
    raise DataError([f"a fact cannot be a {type(value).__name__}"])


_SPACES = frozenset("\n\r\t\v\f\x85\u2028\u2029")
_DROPPED = (*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
_CONTROLS = {code: (" " if chr(code) in _SPACES else None) for code in (*_DROPPED, 0x2028, 0x2029)}
_CONTROLS_BUT_LINES = {code: to for code, to in _CONTROLS.items() if chr(code) != "\n"}


def _strip_controls(text: str, *, keep_lines: bool = False) -> str:
    kept = text.translate(_CONTROLS_BUT_LINES if keep_lines else _CONTROLS)
    return kept.encode("utf-8", "ignore").decode("utf-8")


def _ordered(parts: Sequence[Part], channel: ChannelName) -> list[Part]:
    """Greeting first and thanks last; a mail greets by its layout, so there a greeting beside an answer is left out."""
    middle = [p for p in parts if p.answer not in ("greeting", "thanks")]
    lead = [p for p in parts if p.answer == "greeting"][:1]
    close = [p for p in parts if p.answer == "thanks"][:1]
    if not middle:
        return (close or lead)[:1]
    return middle + close if channel == "email" else lead + middle + close


#: Typography that would turn a text message into UCS-2, at less than half the length, for nothing.
_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "•": "*", "\u00a0": " "}
)


def _flow(text: str, channel: ChannelName) -> str:
    """Lines of a template run on as one paragraph; a blank line parts them; ``- `` begins a point of a list.

    Where there are no lists (text message, telephone) the points become one sentence.
    """
    paragraphs: list[list[str]] = [[]]
    for line in (" ".join(raw.split()) for raw in text.split("\n")):
        point, last = line.startswith("- "), paragraphs[-1][-1] if paragraphs[-1] else ""
        if not line or (last.startswith("- ") and not point):
            paragraphs.append([line] if line else [])
        elif last and not point:
            paragraphs[-1][-1] = f"{last} {line}"
        else:
            paragraphs[-1].append(line)
    written = _sentences if channel in ("sms", "voice") else "\n".join
    return "\n\n".join(written(p) for p in paragraphs if p)


def _sentences(lines: Sequence[str]) -> str:
    points = [line[2:] for line in lines if line.startswith("- ")]
    before = [line for line in lines if not line.startswith("- ")]
    return " ".join([*before, "; ".join(points) + "."] if points else before)


def _tidy(text: str, channel: ChannelName) -> str:
    if channel in ("sms", "voice"):
        line = " ".join(text.split())
        return line.translate(_PLAIN) if channel == "sms" else line
    lines = [" ".join(line.split()) for line in text.strip().split("\n")]
    kept = [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]
    return "\n".join(kept)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _links(facts: Mapping[str, Any]) -> list[str]:
    """Only links that we made become anchors, never an address that stands in somebody's text."""
    return [v for k, v in facts.items() if isinstance(v, str) and (k == "link" or k.endswith("_link"))]


def _mail(subject: str, body: str, layout: Bundle, context: Mapping[str, Any], links: Sequence[str]) -> Rendered:
    text = _tidy(fill(layout["email"], {**context, "body": body}, f"{LAYOUT}/email"), "email")
    return Rendered(subject, text, _html(text, context["language"], links))


_FONT = "font-family:Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5;color:#1f2933"
_FOOT = "font-size:13px;color:#52606d;border-top:1px solid #d9e2ec;padding-top:12px"


def _html(text: str, language: str, links: Sequence[str]) -> str:
    """The same text as HTML: escaped, paragraphs and lists, our links as anchors; the last paragraph is the footer."""
    blocks = text.split("\n\n")
    inner = [_block(block, links, foot=n == len(blocks) - 1 and n > 0) for n, block in enumerate(blocks)]
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8"></head>\n'
        f'<body style="margin:0;padding:24px;background:#ffffff">\n'
        f'<div style="max-width:560px;margin:0 auto;{_FONT}">\n' + "\n".join(inner) + "\n</div>\n</body>\n</html>\n"
    )


def _block(block: str, links: Sequence[str], *, foot: bool) -> str:
    lines = block.split("\n")
    bullets = [line for line in lines if line.startswith("- ")]
    written = [_anchored(line, links) for line in lines if not line.startswith("- ")]
    style = f' style="margin:0 0 16px;{_FOOT}"' if foot else ' style="margin:0 0 16px"'
    html = f"<p{style}>{'<br>'.join(written)}</p>" if written else ""
    if bullets:
        items = "".join(f"<li>{_anchored(line[2:], links)}</li>" for line in bullets)
        html += f'<ul style="margin:0 0 16px;padding-left:20px">{items}</ul>'
    return html


def _anchored(line: str, links: Sequence[str]) -> str:
    html = escape(line)
    for url in sorted({u for u in links if u.startswith(("https://", "http://"))}, key=len, reverse=True):
        shown = escape(url)
        if shown in html and f'href="{shown}' not in html:
            html = html.replace(shown, f'<a href="{shown}" style="color:#0b5cad">{shown}</a>')
    return html


_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")


def segments(text: str) -> int:
    """How many SMS segments a text takes: GSM-7 160 then 153 units each, UCS-2 70 then 67; the empty text takes none."""
    if not text:
        return 0
    if all(c in _GSM or c in _GSM_EXTENDED for c in text):
        return _parts([2 if c in _GSM_EXTENDED else 1 for c in text], 160, 153)
    return _parts([2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67)


def _parts(units: Sequence[int], single: int, each: int) -> int:
    """A character of two units is never cut in half."""
    if sum(units) <= single:
        return 1
    count, used = 1, 0
    for unit in units:
        if used + unit > each:
            count, used = count + 1, 0
        used += unit
    return count


ENVIRONMENT = _environment()
