"""What the far ends remember over a restart: the carrier's messages, and the Slack workspace."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from inbox.demo.slack_stand_in import SlackStandIn
from inbox.demo.slack_workspace import Workspace
from inbox.demo.twilio_stand_in import StoredMessage, TwilioStandIn

_LEAP = 1000  # numbers left out at a restart: those given out after the last time we saved
_SECONDS = 1.0


class Numbers(Iterator[int]):
    """Counts up; ``last`` is the number given out last."""

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def __next__(self) -> int:
        self.last += 1
        return self.last


class Memory:
    """A file beside the database. The stand-ins are made with ``numbers`` so that no id is ever given out twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._saved = 0
        self.numbers = Numbers(self._known.get("last", 0) + (_LEAP if self._known else 0))

    def restore(self, twilio: TwilioStandIn, slack: SlackStandIn) -> None:
        twilio.messages += [_message(values) for values in self._known.get("texts", [])]
        twilio.opted_out |= set(self._known.get("opted_out", []))
        kept = self._known.get("slack", {})
        slack.workspace = Workspace(slack.workspace.people, _ids=self.numbers, **kept)

    async def keep(self, twilio: TwilioStandIn, slack: SlackStandIn) -> None:
        """Save whenever something changed, until cancelled."""
        try:
            while True:
                await asyncio.sleep(_SECONDS)
                self.save(twilio, slack)
        finally:
            self.save(twilio, slack)

    def save(self, twilio: TwilioStandIn, slack: SlackStandIn) -> None:
        text = json.dumps(self._state(twilio, slack), default=str)
        mark = zlib.crc32(text.encode())
        if mark == self._saved:
            return
        half = self._path.with_suffix(".new")
        half.write_text(text, encoding="utf-8")
        half.replace(self._path)
        self._saved = mark

    def _state(self, twilio: TwilioStandIn, slack: SlackStandIn) -> dict[str, Any]:
        workspace = slack.workspace
        return {
            "last": self.numbers.last,
            "texts": [_values(message) for message in twilio.messages],
            "opted_out": sorted(twilio.opted_out),
            "slack": {
                "messages": workspace.messages,
                "whispers": workspace.whispers,
                "changes": workspace.changes,
            },
        }


def _values(message: StoredMessage) -> dict[str, Any]:
    values = dataclasses.asdict(message)
    return values | {
        "created_at": message.created_at.isoformat(),
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
    }


def _message(values: dict[str, Any]) -> StoredMessage:
    return StoredMessage(
        **{
            **values,
            "created_at": datetime.fromisoformat(values["created_at"]),
            "sent_at": datetime.fromisoformat(values["sent_at"]) if values["sent_at"] else None,
            "media": tuple(tuple(pair) for pair in values["media"]),
        }
    )
