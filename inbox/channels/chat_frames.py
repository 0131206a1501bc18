"""The JSON frames of the chat socket (docs/chat.md): reading the visitor's, making ours. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inbox.channels.base import HistoryEntry
from inbox.errors import Malformed
from inbox.message import LANGUAGES

MAX_TEXT = 4_000  # characters of one message
MAX_FRAME = 32_768  # bytes; a message of the longest text with every character escaped fits the usual ways

_WORD = re.compile(r"[A-Za-z0-9_.:+/=-]*")
_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Refused(Malformed):
    """The frame was not taken."""

    def __init__(self, code: str, text: str, *, id: str = "") -> None:  # noqa: A002 - the frame's own key
        super().__init__(text)
        self.code = code
        self.id = id


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    visitor: str  # credential, "" for a new visitor
    token: str
    view: str  # whose history ``cursor`` belongs to
    cursor: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    id: str  # the client's own, the same at every attempt
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    cursor: str  # of the newest line of ours that arrived
    read: bool  # False: arrived, but nobody is looking


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    before: str


Frame = Hello | Say | Typing | Seen | More


def read(raw: str) -> Frame:
    """One frame of the client. Raises ``Refused``."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused("bad_frame", "a frame must be one JSON object") from error
    if not isinstance(data, dict):
        raise Refused("bad_frame", "a frame must be one JSON object")
    reader = _READERS.get(str(data.get("type", "")))
    if reader is None:
        raise Refused("bad_frame", f"type must be one of {', '.join(_READERS)}")
    return reader(data)


def line(entry: HistoryEntry) -> dict[str, Any]:
    """A line of the history as the client gets it."""
    made = {
        "cursor": entry.cursor,
        "message_id": entry.message_id,
        "author": entry.author,
        "name": entry.author_name,
        "text": entry.text,
        "at": entry.at.isoformat(),
        "status": entry.status,
    }
    if entry.direction == "inbound":
        made["id"] = entry.source_id.rpartition(":")[2]
    return made


def source_id(view: str, say: Say) -> str:
    """Our idempotency key of a message."""
    return f"{view}:{say.id}"


def dumps(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def _hello(data: Mapping[str, Any]) -> Hello:
    language = _word(data, "lang", 35)[:2].lower()
    return Hello(
        visitor=_word(data, "visitor", 200),
        token=_word(data, "token", 4_096),
        view=_word(data, "view", 64),
        cursor=_word(data, "cursor", 128),
        language=language if language in LANGUAGES else "",
    )


def _say(data: Mapping[str, Any]) -> Say:
    key, text = data.get("id"), data.get("text")
    if not isinstance(key, str) or not _ID.fullmatch(key):
        raise Refused("bad_frame", "id must be 8 to 64 letters, digits or hyphens, e.g. a UUID")
    if not isinstance(text, str):
        raise Refused("bad_frame", "text must be a text", id=key)
    text = _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not text:
        raise Refused("empty", "there is nothing to send", id=key)
    if len(text) > MAX_TEXT:
        raise Refused("too_long", f"at most {MAX_TEXT} characters", id=key)
    return Say(id=key, text=text)


def _typing(data: Mapping[str, Any]) -> Typing:
    _ = data
    return Typing()


def _seen(data: Mapping[str, Any]) -> Seen:
    return Seen(cursor=_word(data, "cursor", 128), read=data.get("read", True) is not False)


def _more(data: Mapping[str, Any]) -> More:
    return More(before=_word(data, "before", 128))


def _word(data: Mapping[str, Any], key: str, limit: int) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit or not _WORD.fullmatch(value):
        raise Refused("bad_frame", f"{key} must be at most {limit} letters, digits and signs of _.:+/=-")
    return value


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Frame]] = {
    "hello": _hello,
    "say": _say,
    "typing": _typing,
    "seen": _seen,
    "more": _more,
}
