"""The stand-in's page: the channel, a thread, the open form and private words, for whoever you choose to be."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from inbox.demo import slack_html
from inbox.demo.slack_workspace import Json, Refused, Workspace

if TYPE_CHECKING:
    from inbox.demo.slack_stand_in import SlackStandIn

STATIC = Path(__file__).parent / "static"
COOKIE = "slack_person"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)


def add_pages(app: web.Application, slack: SlackStandIn) -> None:
    page = _Page(slack)
    app.router.add_get("/", page.channel)
    app.router.add_get("/thread/{ts}", page.thread)
    app.router.add_get("/version", page.version)
    app.router.add_get("/static/{name}", page.static)
    for act in ("person", "press", "submit", "back", "post", "edit", "delete", "shortcut"):
        app.router.add_post(f"/{act}", getattr(page, f"act_{act}"))


class _Page:
    def __init__(self, slack: SlackStandIn) -> None:
        self._slack = slack

    @property
    def _workspace(self) -> Workspace:
        return self._slack.workspace  # the demo may put back an earlier one

    # Reading -------------------------------------------------------------------------------------------------------

    async def channel(self, request: web.Request) -> web.Response:
        roots = self._workspace.roots(self._slack.channel)
        main = "".join(self._message(m, request, is_root=True) for m in roots) or "<p class='context'>No cases yet.</p>"
        return self._page(request, main, "", "/")

    async def thread(self, request: web.Request) -> web.Response:
        root = request.match_info["ts"]
        try:
            messages = self._workspace.thread(self._slack.channel, root)
        except Refused as refusal:
            raise web.HTTPNotFound(text=f"There is no such thread ({refusal.code}).") from refusal
        main = "".join(self._message(m, request, is_root=False) for m in messages)
        main += (
            f'<form method="post" action="{_prefix(request)}/post" class="compose">'
            f'<input type="hidden" name="thread_ts" value="{escape(root)}">'
            '<label for="compose">Write in this thread. Colleagues only: the author never gets this.</label>'
            '<textarea id="compose" name="text" rows="3" required></textarea><button>Post note</button></form>'
        )
        return self._page(request, main, f'<a href="{_prefix(request)}/">← #{self._name()}</a>', f"/thread/{root}")

    async def version(self, request: web.Request) -> web.Response:
        _ = request
        return web.Response(text=str(self._workspace.changes), headers={"Cache-Control": "no-store"})

    async def static(self, request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        if name not in ("slack.css", "slack.js"):
            raise web.HTTPNotFound
        return web.FileResponse(STATIC / name)

    # Acting --------------------------------------------------------------------------------------------------------

    async def act_person(self, request: web.Request) -> web.Response:
        form = await _form(request)
        answer = _back_to(request, form)
        if any(p.id == form.get("person") for p in self._workspace.people):
            answer.set_cookie(COOKIE, form["person"], samesite="Strict", httponly=True)
        return answer

    async def act_press(self, request: web.Request) -> web.Response:
        form = await _form(request)
        with suppress(Refused):  # the page was older than the message: the fresh one shows what can be pressed
            await self._slack.press(self._person(request), form.get("message_ts", ""), form.get("action_id", ""))
        return _back_to(request, form)

    async def act_submit(self, request: web.Request) -> web.Response:
        form = await _form(request)
        values = {key: value for key, value in form.items() if not key.startswith("_")}
        with suppress(Refused):  # the form was closed in another window
            if form.get("_choose"):
                await self._slack.choose(self._person(request), form["_choose"], values)
            else:
                await self._slack.submit(self._person(request), values)
        return _back_to(request, form)

    async def act_back(self, request: web.Request) -> web.Response:
        self._workspace.back(self._person(request))
        return _back_to(request, await _form(request))

    async def act_post(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if form.get("text", "").strip():
            await self._slack.post(self._person(request), form.get("thread_ts", ""), form["text"])
        return _back_to(request, form)

    async def act_edit(self, request: web.Request) -> web.Response:
        form = await _form(request)
        with suppress(Refused):
            await self._slack.edit(form.get("message_ts", ""), form.get("text", ""))
        return _back_to(request, form)

    async def act_delete(self, request: web.Request) -> web.Response:
        form = await _form(request)
        with suppress(Refused):
            await self._slack.delete(form.get("message_ts", ""))
        return _back_to(request, form)

    async def act_shortcut(self, request: web.Request) -> web.Response:
        form = await _form(request)
        with suppress(Refused):
            await self._slack.shortcut(self._person(request), form.get("message_ts", ""))
        return _back_to(request, form)

    # Pieces --------------------------------------------------------------------------------------------------------

    def _person(self, request: web.Request) -> str:
        chosen = request.cookies.get(COOKIE, "")
        known = [p.id for p in self._workspace.people]
        return chosen if chosen in known else known[0]

    def _name(self) -> str:
        return escape(str(self._workspace.channel(self._slack.channel)["name"]))

    def _message(self, message: Json, request: web.Request, *, is_root: bool) -> str:
        prefix, ts = _prefix(request), str(message["ts"])
        where = _where(request)
        hidden = {"message_ts": ts, "_where": where}
        shown = (
            slack_html.blocks(message["blocks"], f"{prefix}/press", hidden, {})
            if message.get("blocks")
            else slack_html.message_text(message.get("text", ""))
        )
        edited = ' <span class="context">(edited)</span>' if message.get("edited") and not message.get("bot_id") else ""
        foot = self._replies(prefix, ts) if is_root else ""
        own = "" if message.get("bot_id") or is_root else self._menu(prefix, hidden, str(message.get("text", "")))
        at = datetime.fromtimestamp(float(ts), UTC)
        return (
            f'<article id="m-{escape(ts)}"><header><strong>{escape(self._writer(message))}</strong> '
            f'<time datetime="{at.isoformat()}">{at:%H:%M}</time>{edited}</header>{shown}{foot}{own}</article>'
        )

    def _replies(self, prefix: str, ts: str) -> str:
        count = len(self._workspace.thread(self._slack.channel, ts)) - 1
        words = f"{count} {'reply' if count == 1 else 'replies'}" if count else "Open thread"
        return f'<p><a href="{prefix}/thread/{escape(ts)}">{words}</a></p>'

    def _menu(self, prefix: str, hidden: Mapping[str, str], text: str) -> str:
        """What a person can do with a note: send it on, change it, delete it."""
        fields = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in hidden.items())

        def one(act: str, label: str, more: str = "") -> str:
            return f'<form method="post" action="{prefix}/{act}">{fields}{more}<button class="quiet">{label}</button></form>'

        typed = f'<input name="text" aria-label="Changed text" value="{escape(text)}">'
        inner = one("shortcut", "Send to author") + one("delete", "Delete") + one("edit", "Save change", typed)
        return f'<details class="menu"><summary>More</summary><div class="actions">{inner}</div></details>'

    def _writer(self, message: Json) -> str:
        if message.get("bot_id"):
            return str((message.get("bot_profile") or {}).get("name") or message.get("username") or "App") + " · app"
        return next((p.name for p in self._workspace.people if p.id == message.get("user")), str(message.get("user")))

    def _whispers(self, person: str) -> str:
        own = [w for w in self._workspace.whispers if w["user"] == person][-2:]
        return "".join(
            f'<aside class="whisper"><p class="context">Only visible to you</p>'
            f"{slack_html.message_text(w['text'] or '')}</aside>"
            for w in own
        )

    def _form(self, request: web.Request, person: str) -> str:
        stack = self._workspace.views.get(person)
        if not stack:
            return ""
        view, errors, prefix = stack[-1], self._workspace.form_errors.get(person, {}), _prefix(request)
        whole = f'<p class="error" role="alert">{escape(errors[""])}</p>' if errors.get("") else ""
        where = f'<input type="hidden" name="_where" value="{escape(_where(request))}">'
        submit = f'<button class="primary">{escape(view["submit"]["text"])}</button>' if view.get("submit") else ""
        close = escape((view.get("close") or {}).get("text") or "Close")
        return (
            f'<div class="modal" role="dialog" aria-modal="true" aria-labelledby="modal-title">'
            f'<h2 id="modal-title">{escape(view["title"]["text"])}</h2>'
            f'<form method="post" action="{prefix}/submit" id="view">{where}{whole}'
            f'{slack_html.blocks(view["blocks"], "", {}, errors)}<div class="actions">{submit}</div></form>'
            f'<form method="post" action="{prefix}/back">{where}<button class="quiet">{close}</button></form></div>'
        )

    def _page(self, request: web.Request, main: str, up: str, where: str) -> web.Response:
        person, prefix = self._person(request), _prefix(request)
        options = "".join(
            f'<option value="{escape(p.id)}"{" selected" if p.id == person else ""}>{escape(p.name)}</option>'
            for p in self._workspace.people
        )
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>#{self._name()} – Slack stand-in</title>"
            f'<link rel="stylesheet" href="{prefix}/static/slack.css"><script src="{prefix}/static/slack.js" defer></script>'
            f'</head><body data-version="{self._workspace.changes}" data-url="{prefix}/version"><header class="bar">'
            f"<h1>#{self._name()}</h1>{up}<span class='context'>Slack stand-in of the demo</span>"
            f'<form method="post" action="{prefix}/person"><input type="hidden" name="_where" value="{escape(where)}">'
            f'<label for="person">You are</label> <select id="person" name="person" data-auto>{options}</select>'
            f'<button class="quiet">Switch</button></form></header>'
            f"<main>{main}{self._whispers(person)}</main>{self._form(request, person)}</body></html>"
        )
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=html, content_type="text/html", headers=headers)


async def _form(request: web.Request) -> dict[str, str]:
    """What was sent, from our own page only."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise web.HTTPForbidden(text="Use the page itself.")
    return {key: str(value) for key, value in (await request.post()).items()}


def _where(request: web.Request) -> str:
    """The page's own place under the prefix."""
    return f"/thread/{request.match_info['ts']}" if "ts" in request.match_info else "/"


def _prefix(request: web.Request) -> str:
    """Where the sub-application hangs."""
    tail = _where(request) if request.method == "GET" else f"/{request.path.rpartition('/')[2]}"
    return request.path.removesuffix(tail)


def _back_to(request: web.Request, form: Mapping[str, str]) -> web.Response:
    where = form.get("_where") or (f"/thread/{form['thread_ts']}" if form.get("thread_ts") else "/")
    safe = where if where == "/" or where.removeprefix("/thread/").replace(".", "").isdigit() else "/"
    return web.Response(status=303, headers={"Location": _prefix(request) + safe})
