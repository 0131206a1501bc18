"""Block Kit as HTML: what the desk posted, block by block, with the buttons and forms that act. Pure.

Only what the JSON says is shown; a mention that got through is shown as one, so that a leak is seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

Block = Mapping[str, Any]
_MARKS = (
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
    (re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_([^_\n]+)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~([^~\n]+)~(?![\w~])"), r"<s>\1</s>"),
)
_PLACE = "\ue000"  # stands for a link or a date while the words around it are formatted
_EMOJI = {"warning": "⚠️", "outbox_tray": "📤", "white_check_mark": "✅", "robot_face": "🤖", "pencil": "✏️"}


def blocks(shown: Sequence[Block], action: str, hidden: Mapping[str, str], errors: Mapping[str, str]) -> str:
    """``action`` is where buttons post to, ``hidden`` what they carry; ``errors`` stand beside their inputs."""
    return "".join(_block(b, action, hidden, errors) for b in shown)


def message_text(text: str) -> str:
    """The text of a message without blocks."""
    return f'<p class="text">{mrkdwn(text)}</p>'


def mrkdwn(text: str) -> str:
    """Slack's own mark-up; ``&``, ``<`` and ``>`` of the words come escaped already."""
    out: list[str] = []
    references: list[str] = []
    rest = text.replace(_PLACE, "")
    while True:
        before, sign, after = rest.partition("<")
        out.append(before)
        inside, end, remaining = after.partition(">")
        if not sign or not end:
            out.append(sign + after)
            break
        references.append(_reference(inside))
        out.append(_PLACE)
        rest = remaining
    words, *others = _formatted("".join(out)).split(_PLACE)
    return words + "".join(reference + other for reference, other in zip(references, others, strict=True))


def _formatted(text: str) -> str:
    html = _safe(text)
    for pattern, replacement in _MARKS:
        html = pattern.sub(replacement, html)
    for name, sign in _EMOJI.items():
        html = html.replace(f":{name}:", sign)
    return html.replace("\n", "<br>")


def _safe(text: str) -> str:
    """Undo Slack's three escapes, then escape for HTML."""
    return escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _reference(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("!date^"):
        return _date(target.split("^")[1], label)
    if target[:1] in ("@", "!"):
        return f'<span class="mention">@{_safe(label or target[1:])}</span>'
    if target.startswith("#"):
        return f'<span class="mention">#{_safe(label or target[1:])}</span>'
    return _link(target, label or target)


def _link(url: str, label: str) -> str:
    address = url.replace("&amp;", "&")
    if not address.startswith(("https://", "http://", "mailto:")):
        return _safe(label)
    return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer">{_safe(label)}</a>'


def _date(seconds: str, fallback: str) -> str:
    try:
        at = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return _safe(fallback)
    return f'<time datetime="{at.isoformat()}">{at:%a %d %b, %H:%M} UTC</time>'


def _block(block: Block, action: str, hidden: Mapping[str, str], errors: Mapping[str, str]) -> str:
    kind = block["type"]
    if kind == "header":
        return f"<h3>{_text(block['text'])}</h3>"
    if kind == "divider":
        return "<hr>"
    if kind == "section":
        return _section(block)
    if kind == "context":
        return '<p class="context">' + " ".join(_text(e) for e in block["elements"]) + "</p>"
    if kind == "rich_text":
        return '<div class="rich">' + "".join(_rich(e) for e in block["elements"]) + "</div>"
    if kind == "actions":
        return '<div class="actions">' + "".join(_button(e, action, hidden) for e in block["elements"]) + "</div>"
    if kind == "input":
        return _input(block, errors.get(block["block_id"], ""))
    return f'<p class="context">(a block of type {escape(str(kind))})</p>'


def _text(text: Block) -> str:
    return mrkdwn(text["text"]) if text["type"] == "mrkdwn" else _safe(text["text"]).replace("\n", "<br>")


def _section(block: Block) -> str:
    text = f'<p class="text">{_text(block["text"])}</p>' if block.get("text") else ""
    fields = "".join(f"<div>{_text(f)}</div>" for f in block.get("fields") or ())
    return text + (f'<div class="fields">{fields}</div>' if fields else "")


def _rich(element: Block) -> str:
    kind, inner = element["type"], element["elements"]
    if kind == "rich_text_list":
        tag = "ol" if element.get("style") == "ordered" else "ul"
        return f"<{tag}>" + "".join(f"<li>{_parts(item['elements'])}</li>" for item in inner) + f"</{tag}>"
    tag = {"rich_text_quote": "blockquote", "rich_text_preformatted": "pre"}.get(kind, "p")
    return f"<{tag}>{_parts(inner)}</{tag}>"


def _parts(parts: Sequence[Block]) -> str:
    return "".join(_part(p) for p in parts)


def _part(part: Block) -> str:
    """Literal: nothing in these texts is parsed."""
    kind = part["type"]
    if kind == "link":
        link = _link(part["url"], part.get("text") or part["url"])
        return f"<strong>{link}</strong>" if (part.get("style") or {}).get("bold") else link
    if kind == "emoji":
        return _EMOJI.get(part["name"], f":{escape(part['name'])}:")
    if kind == "user":
        return f'<span class="mention">@{escape(part["user_id"])}</span>'
    if kind == "broadcast":
        return f'<span class="mention">@{escape(part["range"])}</span>'
    html = escape(str(part.get("text", ""))).replace("\n", "<br>")
    for style, tag in (("bold", "strong"), ("italic", "em"), ("strike", "s"), ("code", "code")):
        if (part.get("style") or {}).get(style):
            html = f"<{tag}>{html}</{tag}>"
    return html


def _button(element: Block, action: str, hidden: Mapping[str, str]) -> str:
    style = f' class="{escape(element["style"])}"' if element.get("style") else ""
    return (
        f'<form method="post" action="{escape(action)}">{_hidden({**hidden, "action_id": element["action_id"]})}'
        f"<button{style}>{_safe(element['text']['text'])}</button></form>"
    )


def _hidden(values: Mapping[str, str]) -> str:
    return "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in values.items())


def _input(block: Block, error: str) -> str:
    name, element = escape(block["block_id"]), block["element"]
    optional = ' <span class="optional">(optional)</span>' if block.get("optional") else ""
    wrong = f'<p class="error" role="alert">{_safe(error)}</p>' if error else ""
    label = f'<label for="f-{name}">{_safe(block["label"]["text"])}{optional}</label>'
    return f'<div class="input">{label}{_field(name, element, live=bool(block.get("dispatch_action")))}{wrong}</div>'


def _field(name: str, element: Block, *, live: bool) -> str:
    if element["type"] == "static_select":
        chosen = (element.get("initial_option") or {}).get("value")
        options = "" if chosen else '<option value="">Choose</option>'
        for option in element["options"]:
            selected = " selected" if option["value"] == chosen else ""
            options += f'<option value="{escape(option["value"])}"{selected}>{_safe(option["text"]["text"])}</option>'
        # A choice the app hears of at once: with script on change, without by the button beside it.
        mark, again = (
            (" data-live", f'<button name="_choose" value="{name}" class="quiet">Set</button>') if live else ("", "")
        )
        return f'<select id="f-{name}" name="{name}"{mark}>{options}</select>{again}'
    limit = f' maxlength="{int(element["max_length"])}"' if element.get("max_length") else ""
    initial = escape(element.get("initial_value") or "")
    if element.get("multiline"):
        return f'<textarea id="f-{name}" name="{name}" rows="5"{limit}>\n{initial}</textarea>'
    return f'<input id="f-{name}" name="{name}" value="{initial}"{limit}>'
