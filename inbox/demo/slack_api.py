"""Slack's Web API over a workspace in memory: the methods that the desk calls, with their real refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inbox.demo.slack_payloads import APP, BOT, BOT_USER, TEAM
from inbox.demo.slack_rules import message_problem, view_problem
from inbox.demo.slack_workspace import Json, Refused, Workspace

Arguments = Mapping[str, Any]


def answer(workspace: Workspace, method: str, arguments: Arguments) -> Json:
    """The body of a successful call. Raises ``Refused``."""
    found = METHODS.get(method)
    if found is None:
        raise Refused("unknown_method")
    return {"ok": True, **found(workspace, arguments)}


def _auth_test(workspace: Workspace, arguments: Arguments) -> Json:
    _ = workspace, arguments
    return {
        "url": "https://larkmoor.slack.example/",
        "team": "Larkmoor",
        "user": "inbox",
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "app_id": APP,
        "is_enterprise_install": False,
    }


def _post_message(workspace: Workspace, arguments: Arguments) -> Json:
    channel = _writable(workspace, arguments)
    _check(message_problem(arguments))
    if root := arguments.get("thread_ts"):
        workspace.thread(channel, str(root))
    message = workspace.add_by_bot(channel, arguments)
    return {"channel": channel, "ts": message["ts"], "message": message}


def _update(workspace: Workspace, arguments: Arguments) -> Json:
    channel = _writable(workspace, arguments)
    message = workspace.message(channel, str(arguments.get("ts")))
    if message.get("bot_id") != BOT:
        raise Refused("cant_update_message")
    _check(message_problem(arguments))
    message |= {key: arguments[key] for key in ("text", "blocks", "metadata") if arguments.get(key)}
    message["edited"] = {"user": BOT_USER, "ts": workspace.new_ts()}
    workspace.changes += 1
    return {"channel": channel, "ts": message["ts"], "text": message.get("text", ""), "message": message}


def _post_ephemeral(workspace: Workspace, arguments: Arguments) -> Json:
    channel = _writable(workspace, arguments)
    workspace.user(str(arguments.get("user")))
    _check(message_problem(arguments))
    whisper = {key: arguments.get(key) for key in ("user", "text", "thread_ts", "blocks")}
    workspace.whispers.append({**whisper, "channel": channel, "ts": workspace.new_ts()})
    workspace.changes += 1
    return {"message_ts": workspace.whispers[-1]["ts"]}


def _history(workspace: Workspace, arguments: Arguments) -> Json:
    channel = workspace.channel(str(arguments.get("channel")))["id"]
    return _page(list(reversed(workspace.roots(channel))), arguments)


def _replies(workspace: Workspace, arguments: Arguments) -> Json:
    channel = workspace.channel(str(arguments.get("channel")))["id"]
    return _page(workspace.thread(channel, str(arguments.get("ts"))), arguments)


def _page(messages: Sequence[Json], arguments: Arguments) -> Json:
    """``cursor`` is a place in the list; metadata only for who asks for it."""
    start = int(str(arguments.get("cursor") or "next:0").partition(":")[2])
    end = start + int(arguments.get("limit") or 100)
    wants_metadata = str(arguments.get("include_all_metadata", "")).lower() in ("1", "true")
    shown = [m if wants_metadata else {k: v for k, v in m.items() if k != "metadata"} for m in messages[start:end]]
    following = f"next:{end}" if end < len(messages) else ""
    return {
        "messages": shown,
        "has_more": bool(following),
        **({"response_metadata": {"next_cursor": following}} if following else {}),
    }


def _channel_info(workspace: Workspace, arguments: Arguments) -> Json:
    return {"channel": workspace.channel(str(arguments.get("channel")))}


def _user_info(workspace: Workspace, arguments: Arguments) -> Json:
    return {"user": workspace.user(str(arguments.get("user")))}


def _views_open(workspace: Workspace, arguments: Arguments) -> Json:
    person = workspace.use_trigger(str(arguments.get("trigger_id")))
    return {"view": workspace.open_view(person, checked_view(arguments.get("view")))}


def _views_push(workspace: Workspace, arguments: Arguments) -> Json:
    person = workspace.use_trigger(str(arguments.get("trigger_id")))
    return {"view": workspace.open_view(person, checked_view(arguments.get("view")), push=True)}


def _views_update(workspace: Workspace, arguments: Arguments) -> Json:
    view, known = checked_view(arguments.get("view")), str(arguments.get("view_id"))
    return {"view": workspace.replace_view(known, str(arguments.get("hash") or ""), view)}


def checked_view(view: Any) -> Json:
    """Raises ``Refused`` with Slack's code."""
    whole: Json = json.loads(view) if isinstance(view, str) else dict(view or {})
    _check(view_problem(whole))
    return whole


def _check(problem: tuple[str, list[str]]) -> None:
    code, details = problem
    if code:
        raise Refused(code, details)


def _writable(workspace: Workspace, arguments: Arguments) -> str:
    channel = workspace.channel(str(arguments.get("channel")))
    if channel["is_archived"]:
        raise Refused("is_archived")
    if not channel["is_member"]:
        raise Refused("not_in_channel")
    return str(channel["id"])


METHODS: Mapping[str, Callable[[Workspace, Arguments], Json]] = {
    "auth.test": _auth_test,
    "chat.postMessage": _post_message,
    "chat.update": _update,
    "chat.postEphemeral": _post_ephemeral,
    "conversations.history": _history,
    "conversations.replies": _replies,
    "conversations.info": _channel_info,
    "users.info": _user_info,
    "views.open": _views_open,
    "views.push": _views_push,
    "views.update": _views_update,
}
