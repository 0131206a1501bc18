"""Names of the people in Slack: the team's own names first, then what Slack calls them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from inbox.clock import monotonic
from inbox.errors import InboxError
from inbox.escalation import slack_web

#: The approved display name of a Slack user id, ``""`` for somebody who is not an agent.
Team = Callable[[str], Awaitable[str]]
KEPT_SECONDS = 600
MAX_KEPT = 5_000
#: A name must not eat the three seconds that Slack gives us.
PATIENCE_SECONDS = 0.8
MAX_MENTIONS = 10


class People:
    def __init__(self, web: AsyncWebClient, team: Team) -> None:
        self._web = web
        self._team = team
        self._names: dict[str, tuple[float, str]] = {}
        self._me: tuple[str, str] | None = None

    async def name(self, user: str) -> str:
        """Never fails: without a name it is the id."""
        return await self._team(user) or await self._slack_name(user) or user

    async def names(self, users: Iterable[str]) -> dict[str, str]:
        """For mentions; ids without a name are left out."""
        found = {user: await self.name(user) for user in list(users)[:MAX_MENTIONS]}
        return {user: name for user, name in found.items() if name != user}

    async def is_me(self, message: dict[str, Any]) -> bool:
        """Our own message, come back. Asks Slack who we are the first time a bot's message arrives."""
        if not message.get("bot_id"):
            return False
        if self._me is None:
            answer = await slack_web.read(self._web, "auth.test", {})
            self._me = (str(answer.get("bot_id") or ""), str(answer.get("user_id") or ""))
        return message["bot_id"] == self._me[0] or message.get("user") == self._me[1]

    async def _slack_name(self, user: str) -> str:
        at, known = self._names.get(user, (float("-inf"), ""))
        if monotonic() - at < KEPT_SECONDS:
            return known
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await slack_web.read(self._web, "users.info", {"user": user})
        except (InboxError, TimeoutError):
            return known  # an old name is better than none
        found = answer.get("user") or {}
        profile = found.get("profile") or {}
        name = str(profile.get("display_name") or profile.get("real_name") or found.get("real_name") or "")
        if len(self._names) >= MAX_KEPT:
            self._names.clear()
        self._names[user] = (monotonic(), name)
        return name
