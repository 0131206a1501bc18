"""The bodies that Slack sends, in their real shapes. Pure.

https://docs.slack.dev/apis/events-api, https://docs.slack.dev/reference/interaction-payloads
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

TEAM = "T0LARKMOOR"
APP = "A0INBOX"
BOT = "B0INBOX"
BOT_USER = "U0INBOX"
Json = dict[str, Any]


def event_body(event_id: str, event: Json, at: int) -> Json:
    return {
        "token": "not-used-since-signatures",
        "team_id": TEAM,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": at,
        "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }


def message_event(message: Mapping[str, Any], channel: str) -> Json:
    return {**message, "channel": channel, "channel_type": "channel", "event_ts": message["ts"]}


def changed_event(now: Mapping[str, Any], before: Mapping[str, Any], channel: str, ts: str) -> Json:
    return {
        "type": "message",
        "subtype": "message_changed",
        "message": dict(now),
        "previous_message": dict(before),
        "channel": channel,
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
        "channel_type": "channel",
    }


def deleted_event(before: Mapping[str, Any], channel: str, ts: str) -> Json:
    return {
        "type": "message",
        "subtype": "message_deleted",
        "previous_message": dict(before),
        "channel": channel,
        "hidden": True,
        "deleted_ts": before["ts"],
        "ts": ts,
        "event_ts": ts,
        "channel_type": "channel",
    }


def _common(kind: str, user: Mapping[str, Any], trigger: str) -> Json:
    return {
        "type": kind,
        "team": {"id": TEAM, "domain": "larkmoor"},
        "user": {"id": user["id"], "username": user["name"], "name": user["name"], "team_id": TEAM},
        "api_app_id": APP,
        "token": "not-used-since-signatures",
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": trigger,
    }


def press_body(
    user: Mapping[str, Any], message: Mapping[str, Any], channel: Mapping[str, Any], action: Json, trigger: str
) -> Json:
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel["id"],
        "is_ephemeral": False,
    } | ({"thread_ts": message["thread_ts"]} if message.get("thread_ts") else {})
    return _common("block_actions", user, trigger) | {
        "container": container,
        "channel": {"id": channel["id"], "name": channel["name"]},
        "message": dict(message),
        "state": {"values": {}},
        "actions": [action],
    }


def choice_body(user: Mapping[str, Any], view: Mapping[str, Any], action: Json, trigger: str) -> Json:
    return _common("block_actions", user, trigger) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": dict(view),
        "actions": [action],
    }


def submit_body(user: Mapping[str, Any], view: Mapping[str, Any], trigger: str) -> Json:
    return _common("view_submission", user, trigger) | {"view": dict(view), "response_urls": []}


def shortcut_body(
    user: Mapping[str, Any],
    message: Mapping[str, Any],
    channel: Mapping[str, Any],
    callback: str,
    trigger: str,
    at: str,
) -> Json:
    return _common("message_action", user, trigger) | {
        "callback_id": callback,
        "action_ts": at,
        "message_ts": message["ts"],
        "message": dict(message),
        "channel": {"id": channel["id"], "name": channel["name"]},
    }


def form(payload: str) -> str:
    """Interactions come as a form with one field."""
    return urlencode({"payload": payload})
