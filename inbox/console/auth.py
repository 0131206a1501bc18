"""Who may see a page: login, sessions, roles, and the check that a form came from our own page.

``Door`` is the only way a console route comes into being, so no page can forget to ask.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from aiohttp import web

from inbox import events, staffing
from inbox.console import throttle
from inbox.console.view import Console, View, Visit, page, public_page, see_other, storable
from inbox.db.store import Tx
from inbox.errors import Conflict, Forbidden, InboxError, Malformed, NotFound
from inbox.staffing import Staff

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
COOKIE = "inbox_session"
LOGIN_COOKIE = "inbox_login"  # pairs the login form with the browser it was shown in
_STATUS: dict[type[InboxError], int] = {Forbidden: 403, Malformed: 400, NotFound: 404, Conflict: 409}
_WRONG = "That email address and password do not belong together."
_LONGEST_PASSWORD = 1_000
#: argon2 takes 64 MB and a core each time: a flood of logins must not take them all.
_CHECKS_AT_ONCE = 2


class Door:
    """Makes routes that ask for a session, a role and a form token first."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def get(self, path: str, view: View, *, supervisor: bool = False) -> web.RouteDef:
        return web.get(path, self._guarded(view, supervisor), allow_head=False)

    def post(self, path: str, view: View, *, supervisor: bool = False) -> web.RouteDef:
        return web.post(path, self._guarded(view, supervisor))

    def _guarded(self, view: View, supervisor: bool) -> Handler:
        async def ask_first(request: web.Request) -> web.StreamResponse:
            session = await _session(self._console, request)
            if session is None:
                return _to_login(self._console, request)
            return await self._seen(view, supervisor, request, session)

        return ask_first

    async def _seen(
        self, view: View, supervisor: bool, request: web.Request, session: staffing.Session
    ) -> web.StreamResponse:
        visit = Visit(request, session.staff, session.csrf, digest(request.cookies[COOKIE]))
        try:
            if request.method == "POST":
                visit = Visit(visit.request, visit.staff, visit.csrf, visit.session, await form_of(request))
                if not _same(visit.form.get("csrf", ""), session.csrf):
                    raise Forbidden("This form is too old or was not made by this page. Go back, reload and try again.")
            if supervisor and not session.staff.is_supervisor:
                raise Forbidden("This page is for supervisors. Ask one to do it, or to change your role.")
            return await view(visit)
        except tuple(_STATUS) as refused:
            status = next(code for kind, code in _STATUS.items() if isinstance(refused, kind))
            return page(self._console, visit, "refused.html", status, words=str(refused))


class Gate:
    """The pages before a session: login; and its end: logout."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            web.get("/console/login", self.ask, allow_head=False),
            web.post("/console/login", self.log_in),
            door.post("/console/logout", self.log_out),
        ]

    async def ask(self, request: web.Request) -> web.StreamResponse:
        if await _session(self._console, request) is not None:
            return see_other("/console")
        return self._form(request, "", 200)

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Unknown and wrong take the same time and get the same words."""
        form = await form_of(request)
        if not is_from_here(request) or not _same(form.get("csrf", ""), request.cookies.get(LOGIN_COOKIE, "")):
            return self._form(request, "The page was open for too long. Please log in again.", 403)
        email, password = form.get("email", ""), form.get("password", "")[:_LONGEST_PASSWORD]
        now, address = self._console.clock.now(), request.remote or ""
        wait = await self._console.store.run(lambda tx: throttle.take_try(tx, address, email, now))
        if wait:
            minutes = int(wait.total_seconds() // 60) + 1
            return self._form(request, f"Too many tries. Please wait {minutes} minutes.", 429)
        person = await self._checked(email, password)
        if person is None:
            await self._console.store.run(lambda tx: _failed(tx, email, address, now))
            return self._form(request, _WRONG, 403)
        return await self._welcome(request, person, address, email)

    async def log_out(self, visit: Visit) -> web.StreamResponse:
        token, now = visit.request.cookies[COOKIE], self._console.clock.now()
        await self._console.store.run(lambda tx: staffing.log_out(tx, token, now, visit.staff))
        response = see_other("/console/login")
        response.del_cookie(COOKIE, path="/console")
        return response

    async def _checked(self, email: str, password: str) -> Staff | None:
        person, stored = await self._console.store.read(lambda tx: staffing.stored_hash(tx, email))
        async with self._checks:
            right = await asyncio.to_thread(staffing.matches, password, stored)
        return person if right else None

    async def _welcome(self, request: web.Request, person: Staff, address: str, email: str) -> web.StreamResponse:
        now, client = self._console.clock.now(), f"{address} {request.headers.get('User-Agent', '')}"

        def enter(tx: Tx) -> str:
            throttle.forgive(tx, address, email, now)
            return staffing.log_in(tx, person, now, client)

        token = await self._console.store.run(enter)
        response = see_other(local_path(str(request.query.get("next", ""))))
        _set_cookie(self._console, response, COOKIE, token, "/console", staffing.SESSION)
        response.del_cookie(LOGIN_COOKIE, path="/console/login")
        return response

    def _form(self, request: web.Request, problem: str, status: int) -> web.Response:
        csrf = request.cookies.get(LOGIN_COOKIE) or secrets.token_urlsafe(24)
        following = local_path(str(request.query.get("next", "")))
        response = public_page(
            self._console, "login.html", status, csrf=csrf, problem=problem, following=quote(following, safe="")
        )
        _set_cookie(self._console, response, LOGIN_COOKIE, csrf, "/console/login", timedelta(hours=1))
        return response


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of a plain form. Raises ``Malformed`` for anything else."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Malformed("This form cannot be read.")
    return {name: storable(value) for name, value in (await request.post()).items() if isinstance(value, str)}


def is_from_here(request: web.Request) -> bool:
    """Did our own page send this? Browsers say so in ``Sec-Fetch-Site``, older ones by ``Origin``."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def local_path(wanted: str) -> str:
    """Where to go after the login: only ever a page of the console."""
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted and ".." not in wanted
    return wanted if plain and (wanted == "/console" or wanted.startswith(("/console/", "/console?"))) else "/console"


def digest(token: str) -> str:
    """As ``staffing`` keeps it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


async def _session(console: Console, request: web.Request) -> staffing.Session | None:
    token, now = request.cookies.get(COOKIE, ""), console.clock.now()
    if not token or not token.isascii():
        return None
    return await console.store.read(lambda tx: staffing.session(tx, token, now))


def _to_login(console: Console, request: web.Request) -> web.Response:
    """A link from elsewhere (Slack) comes without the strict cookie: one step on our own page brings it back."""
    if request.method != "GET":
        return see_other("/console/login")
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.headers.get("Sec-Fetch-Mode") == "navigate":
        return public_page(console, "step.html", here=local_path(request.path_qs))
    return see_other(f"/console/login?next={quote(local_path(request.path_qs), safe='')}")


def _failed(tx: Tx, email: str, address: str, now: datetime) -> None:
    """Only the id of a known account is kept, never what was typed."""
    person, _ = staffing.stored_hash(tx, email)
    events.record(tx, "security", "login.failed", now, person.id if person else "unknown", address=address)


def _same(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _set_cookie(console: Console, response: web.Response, name: str, value: str, path: str, keep: timedelta) -> None:
    response.set_cookie(
        name, value, path=path, max_age=int(keep.total_seconds()), httponly=True, samesite="Strict",
        secure=console.is_https,
    )  # fmt: skip
