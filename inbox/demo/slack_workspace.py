"""A Slack workspace in memory: one channel for cases, a few people, their messages, forms and private words."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inbox.clock import monotonic
from inbox.demo.slack_payloads import APP, BOT, BOT_USER, TEAM

Json = dict[str, Any]
#: A trigger opens one form, within three seconds.
TRIGGER_SECONDS = 3.0
CASES = "C0CASES"
GENERAL = "C0GENERAL"


class Refused(Exception):
    """Slack answers ``ok: false`` with this error code."""

    def __init__(self, code: str, details: list[str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or []


@dataclass(frozen=True, slots=True)
class Answer:
    """What the inbox answered; status 0 if it did not answer in time."""

    status: int
    body: Json


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    handle: str


#: Whom the demo knows; the lead agent, a colleague, and somebody who may be a supervisor.
PEOPLE = (
    Person("U0MAREN", "Maren Velde", "maren"),
    Person("U0TOBIN", "Tobin Achterberg", "tobin"),
    Person("U0ILSE", "Ilse Quarrie", "ilse"),
)


@dataclass
class Workspace:
    people: tuple[Person, ...] = PEOPLE
    channels: dict[str, Json] = field(default_factory=dict)
    messages: dict[str, list[Json]] = field(default_factory=dict)  # by channel, oldest first, threads included
    whispers: list[Json] = field(default_factory=list)  # ephemeral messages: user, channel, thread_ts, text
    views: dict[str, list[Json]] = field(default_factory=dict)  # by person, the open forms, top last
    form_errors: dict[str, dict[str, str]] = field(default_factory=dict)  # by person, of the top form
    changes: int = 0  # grows with everything that can be seen
    _triggers: dict[str, tuple[str, float, bool]] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        for channel, name in ((CASES, "billing-cases"), (GENERAL, "general")):
            self.channels.setdefault(channel, {"id": channel, "name": name, "is_archived": False, "is_member": True})
            self.messages.setdefault(channel, [])

    def new_ts(self) -> str:
        return f"{int(time.time())}.{next(self._ids):06d}"

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids):08d}"

    def user(self, user_id: str) -> Json:
        """As ``users.info`` gives it."""
        for person in self.people:
            if person.id == user_id:
                profile = {"real_name": person.name, "display_name": person.name}
                return {
                    "id": person.id,
                    "team_id": TEAM,
                    "name": person.handle,
                    "real_name": person.name,
                    "is_bot": False,
                    "profile": profile,
                }
        if user_id == BOT_USER:
            return {"id": BOT_USER, "name": "inbox", "is_bot": True, "profile": {"real_name": "Inbox"}}
        raise Refused("user_not_found")

    def channel(self, channel_id: str) -> Json:
        found = self.channels.get(channel_id)
        if found is None:
            raise Refused("channel_not_found")
        return found

    def message(self, channel_id: str, ts: str) -> Json:
        for message in self.messages.get(channel_id, ()):
            if message["ts"] == ts:
                return message
        raise Refused("message_not_found")

    def thread(self, channel_id: str, root: str) -> list[Json]:
        """The root and its replies, oldest first."""
        found = [m for m in self.messages.get(channel_id, ()) if root in (m["ts"], m.get("thread_ts"))]
        if not found:
            raise Refused("thread_not_found")
        return found

    def roots(self, channel_id: str) -> list[Json]:
        """What the channel itself shows, oldest first."""
        return [m for m in self.messages.get(channel_id, ()) if m.get("thread_ts", m["ts"]) == m["ts"]]

    def add(self, channel_id: str, message: Json) -> Json:
        whole = {"type": "message", "ts": self.new_ts(), "team": TEAM, **message}
        self.messages[channel_id].append(whole)
        self.changes += 1
        return whole

    def add_by_bot(self, channel_id: str, body: Mapping[str, Any]) -> Json:
        profile = {"id": BOT, "app_id": APP, "name": "Inbox"}
        message: Json = {"user": BOT_USER, "bot_id": BOT, "app_id": APP, "bot_profile": profile}
        message |= {key: body[key] for key in ("text", "blocks", "thread_ts", "metadata") if body.get(key)}
        return self.add(channel_id, message)

    # Forms

    def new_trigger(self, person: str) -> str:
        trigger = f"{next(self._ids)}.{secrets.token_hex(8)}"
        self._triggers[trigger] = (person, monotonic(), False)
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """Whose it is. Each opens one form."""
        if trigger not in self._triggers:
            raise Refused("invalid_trigger_id")
        person, issued, used = self._triggers[trigger]
        if used:
            raise Refused("exchanged_trigger_id")
        if monotonic() - issued > TRIGGER_SECONDS:
            raise Refused("expired_trigger_id")
        self._triggers[trigger] = (person, issued, True)
        return person

    def open_view(self, person: str, view: Mapping[str, Any], *, push: bool = False) -> Json:
        stack = self.views.setdefault(person, []) if push else []
        if len(stack) >= 3:
            raise Refused("push_limit_reached")
        root = stack[0]["id"] if stack else ""
        whole = {**view, "id": self.new_id("V"), "hash": self.new_hash(), "team_id": TEAM, "app_id": APP, "bot_id": BOT}
        whole |= {"root_view_id": root or whole["id"], "previous_view_id": stack[-1]["id"] if stack else None}
        self.views[person] = [*stack, whole]
        self.form_errors.pop(person, None)
        self.changes += 1
        return whole

    def replace_view(self, view_id: str, hash_: str, view: Mapping[str, Any]) -> Json:
        for person, stack in self.views.items():
            for n, known in enumerate(stack):
                if known["id"] == view_id:
                    if hash_ and hash_ != known["hash"]:
                        raise Refused("hash_conflict")
                    kept = {
                        k: known[k] for k in ("id", "team_id", "app_id", "bot_id", "root_view_id", "previous_view_id")
                    }
                    stack[n] = {**view, **kept, "hash": self.new_hash()}
                    self.form_errors.pop(person, None)
                    self.changes += 1
                    return stack[n]
        raise Refused("not_found")

    def new_hash(self) -> str:
        return f"{int(time.time())}.{secrets.token_hex(4)}"

    def close_views(self, person: str) -> None:
        self.views.pop(person, None)
        self.form_errors.pop(person, None)
        self.changes += 1

    def back(self, person: str) -> None:
        """The close button of the top form: the one under it shows again."""
        if stack := self.views.get(person):
            stack.pop()
        self.form_errors.pop(person, None)
        self.changes += 1
