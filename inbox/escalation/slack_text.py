"""Text for Slack and from Slack. Pure.

Everything an author wrote stands in ``rich_text`` or ``plain_text``, which Slack never parses: no mention, no link, no
formatting can come of it. What stands in ``mrkdwn`` is escaped (https://docs.slack.dev/messaging/formatting-message-text).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from inbox.escalation.base import Line

Block = dict[str, Any]
LABEL_CHARACTERS = 60
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Formatting signs that could start bold, strike or code in mrkdwn, replaced by others that look the same.
_LOOKALIKES = {"*": "∗", "~": "∼", "`": "ˋ"}
_UNSEEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)])


def shown(text: str) -> str:
    """Without control characters, which nobody sees but which take six characters each in JSON."""
    return text.translate(_UNSEEN)


def escaped(text: str, limit: int) -> str:
    """``text`` with ``&``, ``<`` and ``>`` escaped, at most ``limit`` characters, never cut inside an escape."""
    whole = [_ESCAPES.get(c, c) for c in shown(text)]
    if sum(map(len, whole)) <= limit:
        return "".join(whole)
    kept, room = [], limit - 1
    for piece in whole:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def literal(text: str, limit: int) -> str:
    """For outside text inside mrkdwn: escaped, on one line, and without signs that would format it."""
    flat = " ".join("".join(_LOOKALIKES.get(c, c) for c in text).split())
    return escaped(flat.strip("_"), limit)


def clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def clock(at: datetime) -> str:
    """The moment in each reader's own zone, with UTC for clients that cannot."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%a %Y-%m-%d %H:%M} UTC>"


def plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": escaped(text, limit) or " ", "emoji": False}


def mrkdwn(text: str) -> Block:
    """``text`` is ours, or was made ``literal``; ``verbatim`` keeps Slack from linking names and addresses in it."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(t) for t in texts]}


def fields(lines: Sequence[Line], limit: int) -> Block:
    """At most ten short facts in two columns; values of at most ``limit`` characters."""
    rows = [f"*{literal(x.label, LABEL_CHARACTERS)}* {_value(x, limit)}" for x in lines[:10]]
    return {"type": "section", "fields": [mrkdwn(row) for row in rows]}


def _value(line: Line, limit: int) -> str:
    value = literal(line.value, limit) or "–"
    if line.url:
        value = f"<{_url(line.url)}|{value}>"
    return f":warning: {value}" if line.warn else value


def _url(url: str) -> str:
    """A link target cannot end the link early."""
    return escaped(url.replace("|", "%7C"), 2_000)


def rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def paragraph(*parts: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(parts)}


def quote(text: str) -> Block:
    return {"type": "rich_text_quote", "elements": [words(text)]}


def words(text: str, *, bold: bool = False) -> Block:
    """Literal text: Slack shows every character as it is."""
    part: Block = {"type": "text", "text": shown(text) or " "}
    if bold:
        part["style"] = {"bold": True}
    return part


def bullets(rows: Iterable[str], *, ordered: bool = False) -> Block:
    style = "ordered" if ordered else "bullet"
    return {"type": "rich_text_list", "style": style, "elements": [paragraph(words(row)) for row in rows]}


def facts(short: Iterable[Line], long: Iterable[Line], limit: int) -> list[Block]:
    """Labelled facts as parts of a paragraph: the short ones run on, each long one has a row of its own."""
    parts: list[Block] = []
    for line in short:
        parts += [words(" · ")] if parts else []
        parts += _fact(line, limit)
    for line in long:
        parts += [words("\n")] if parts else []
        parts += _fact(line, limit)
    return parts


def _fact(line: Line, limit: int) -> list[Block]:
    """``⚠ label value``; the label leads to the record."""
    value = clip(" ".join(line.value.split()), limit)
    label = shown(clip(" ".join(line.label.split()), LABEL_CHARACTERS)) or "–"
    name: Block = {"type": "link", "url": line.url, "text": label, "style": {"bold": True}}
    warning: list[Block] = [{"type": "emoji", "name": "warning"}, words(" ")] if line.warn else []
    return [*warning, name if line.url else words(label, bold=True), words(f" {value}")]


def readable(text: str, name: Callable[[str], str], *, unescape: bool = True) -> str:
    """What a person typed in Slack, as plain text: ids become names, links their address, escapes their signs.

    ``name`` gives a display name for a user id, ``""`` if unknown. Messages come escaped, form fields do not. One pass;
    linear in the length of the text.
    """
    out: list[str] = []
    rest = text
    while True:
        before, sign, after = rest.partition("<")
        out.append(before)
        inside, end, remaining = after.partition(">")
        if not sign or not end:
            out.append(sign + after)
            break
        out.append(_token(inside, name))
        rest = remaining
    joined = "".join(out)
    if not unescape:
        return joined
    return joined.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def mentioned(text: str) -> tuple[str, ...]:
    """The user ids that a text mentions, each once."""
    ids = (piece.partition(">")[0].partition("|")[0] for piece in text.split("<@")[1:])
    return tuple(dict.fromkeys(i for i in ids if i.isalnum()))


def _token(inside: str, name: Callable[[str], str]) -> str:
    """One ``<…>`` of Slack's own mark-up."""
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        return "@" + (name(target[1:]) or label.lstrip("@") or "someone")
    if target.startswith("!date"):
        return label
    if target.startswith("!"):
        return "@" + (label or target[1:].partition("^")[0]).lstrip("@")
    if target.startswith("#"):
        return "#" + (label or "channel")
    address = target.removeprefix("mailto:")
    return address if label in ("", address, target) else f"{label} ({address})"
