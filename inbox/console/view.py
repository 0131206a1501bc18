"""What every console page shares: the parts it works with, one person's visit, and how a page is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inbox import redaction, verification
from inbox.clock import Clock, from_micros
from inbox.db.store import Store
from inbox.escalation.base import DeskEvents
from inbox.escalation.reasons import reason_of
from inbox.house import House
from inbox.ids import new_id
from inbox.message import CHANNELS, LANGUAGES
from inbox.staffing import Staff

FOLDER = Path(__file__).parent
CHANNEL_WORDS: Mapping[str, str] = {"chat": "Chat", "email": "Email", "sms": "Text message", "voice": "Phone"}
LANGUAGE_WORDS: Mapping[str, str] = {"en": "English", "es": "Spanish", "pt": "Portuguese"}


@dataclass(frozen=True, slots=True)
class Console:
    """The parts a page works with."""

    store: Store
    house: House
    clock: Clock
    desk: DeskEvents

    @property
    def is_https(self) -> bool:
        return self.house.public_url.startswith("https://")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.house.company.timezone)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a person who is logged in. ``form`` is empty on GET, and checked against CSRF on POST."""

    request: web.Request
    staff: Staff
    csrf: str
    session: str  # hash of the session's token, to tell this session from the others
    form: Mapping[str, str] = field(default_factory=dict)

    def query(self, name: str, default: str = "") -> str:
        return storable(str(self.request.query.get(name, default))[:200])

    def path(self, name: str) -> str:
        return storable(self.request.match_info[name])


View = Callable[[Visit], Awaitable[web.StreamResponse]]


def page(console: Console, visit: Visit, name: str, /, status: int = 200, **values: Any) -> web.Response:
    """A whole page, or a fragment of one, in the visitor's name."""
    return public_page(
        console, name, status, staff=visit.staff, csrf=visit.csrf, here=visit.request.path, nonce=new_id(), **values
    )


def public_page(console: Console, name: str, /, status: int = 200, **values: Any) -> web.Response:
    shared = {
        "company": console.house.company, "now": console.clock.now(), "zone": console.zone, "staff": None, "here": "",
        "channels": [c for c in CHANNELS if c in console.house.channels], "languages": LANGUAGES,
    }  # fmt: skip
    html = PAGES.get_template(name).render({**shared, **values})
    return web.Response(text=html, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})


def see_other(path: str) -> web.Response:
    """After a form: go and look at the result, so that a reload does not post again."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def storable(text: str) -> str:
    """What both databases take, lines as we write them: no NUL, no lone surrogates."""
    return text.replace("\r\n", "\n").replace("\0", "").encode("utf-8", "ignore").decode()


def shown(text: str) -> str:
    """Message text as staff may see it: no one-time code, whoever wrote it."""
    return redaction.mask_codes(text).replace(verification.PLACEHOLDER, "••••••")


def at(micros: int) -> datetime | None:
    """The time of a column that is 0 for never."""
    return from_micros(micros) if micros else None


# -- how values are written


def _moment(value: datetime | int | None, zone: ZoneInfo) -> str:
    """``Wed 11 Mar 2026, 11:00``."""
    when = at(value) if isinstance(value, int) else value
    return f"{when.astimezone(zone):%a %-d %b %Y, %H:%M}" if when else "never"


def _iso(value: datetime | int | None) -> str:
    when = at(value) if isinstance(value, int) else value
    return when.isoformat(timespec="seconds") if when else ""


def age(start: datetime | int | None, now: datetime) -> str:
    """How long from ``start`` until ``now``, or the other way round: ``under a minute``, ``12 min``, ``3 h``, ``2 days``."""
    when = at(start) if isinstance(start, int) else start
    if when is None:
        return "–"
    minutes = int(abs((now - when).total_seconds()) // 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest and hours < 6 else f"{hours} h"
    return f"{minutes // (24 * 60)} days"


def words(code: str) -> str:
    """``double_charge`` as people say it: ``Double charge``."""
    text = code.replace("_", " ").replace(".", ": ").strip()
    return text[:1].upper() + text[1:]


def plain(value: Any) -> str:
    """A fact's value in one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {plain(v)}" for k, v in value.items() if v is not None)
    if isinstance(value, (list, tuple)):
        return "; ".join(plain(v) for v in value) or "none"
    return shown(str(value))


def _environment() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(FOLDER / "templates_html"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pages.filters |= {
        "moment": _moment, "iso": _iso, "age": age, "words": words, "plain": plain, "shown": shown,
        "channel": lambda code: CHANNEL_WORDS.get(code, code or "–"),
        "language": lambda code: LANGUAGE_WORDS.get(code, code or "–"),
        "reason": lambda code: reason_of(code).headline,
    }  # fmt: skip
    return pages


PAGES = _environment()
