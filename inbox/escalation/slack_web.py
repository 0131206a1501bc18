"""Calls to Slack's Web API, each made once, with its errors sorted into ours.

The SDK's default re-posts ``chat.postMessage`` after a lost connection, which doubles messages; here nothing is retried
by the SDK, and a post whose answer was lost is ``Uncertain``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import ClientConnectionError, ClientConnectorError, ClientPayloadError, ConnectionTimeoutError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from inbox.errors import Permanent, Transient, Uncertain

TIMEOUT_SECONDS = 10
#: Slack's error code -> what to do about it. https://docs.slack.dev/reference/methods/chat.postMessage#errors
FIXES: Mapping[str, str] = {
    "invalid_auth": "slack.bot_token is not valid; copy the Bot User OAuth Token (xoxb-…) of the app into slack.bot_token",
    "not_authed": "slack.bot_token is missing; copy the Bot User OAuth Token (xoxb-…) of the app into slack.bot_token",
    "account_inactive": "the app's bot was removed; install the app to the workspace again and set the new slack.bot_token",
    "token_revoked": "the token was revoked; install the app to the workspace again and set the new slack.bot_token",
    "token_expired": "the token has expired; turn token rotation off for the app or set a fresh slack.bot_token",
    "missing_scope": "the app lacks a permission; add the scope named by Slack and install it again",
    "not_allowed_token_type": "slack.bot_token must be a bot token (xoxb-…), slack.app_token an app-level one (xapp-…)",
    "is_archived": "the Slack channel is archived; unarchive it or set slack.channel to another one",
    "channel_not_found": "Slack does not know slack.channel; use its id (C…), and invite the bot if it is private",
    "not_in_channel": "the bot is not in slack.channel; type /invite @bot there",
    "restricted_action": "a workspace rule keeps the bot from posting in slack.channel; allow it or choose another one",
    "message_not_found": "the case's message was deleted in Slack; post the case again",
    "thread_not_found": "the case's thread was deleted in Slack; post the case again",
    "cant_update_message": "the message was posted by another app; post the case again",
    "invalid_blocks": "Slack cannot show this card; this is a mistake in the program, please report it",
    "msg_too_long": "the message is too long for Slack; this is a mistake in the program, please report it",
    "msg_blocks_too_long": "the card is too long for Slack; this is a mistake in the program, please report it",
    "expired_trigger_id": "the form came too late; press the button again",
    "exchanged_trigger_id": "the button was pressed twice; press it again",
}
_TRY_LATER = frozenset(
    {"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "request_timeout"}
)
# "It is possible that some aspect of the operation succeeded before the error was raised."
_UNCLEAR = frozenset({"internal_error", "fatal_error"})


def client(token: str, api_base: str) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=api_base, timeout=TIMEOUT_SECONDS, retry_handlers=[])


async def post(web: AsyncWebClient, method: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A call that must not happen twice. Raises ``Transient`` only if Slack certainly did nothing."""
    return await _call(web, method, body, "POST", once=True)


async def call(web: AsyncWebClient, method: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A call that may be repeated."""
    return await _call(web, method, body, "POST", once=False)


async def read(web: AsyncWebClient, method: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
    return await _call(web, method, query, "GET", once=False)


async def _call(
    web: AsyncWebClient, method: str, body: Mapping[str, Any], verb: str, *, once: bool
) -> Mapping[str, Any]:
    arguments: dict[str, Any] = {"params": dict(body)} if verb == "GET" else {"json": dict(body)}
    try:
        answer = await web.api_call(method, http_verb=verb, **arguments)
    except SlackApiError as error:
        raise _sorted(error, method, once=once) from error
    except (ClientConnectorError, ConnectionTimeoutError) as error:  # never reached Slack
        raise Transient(f"Slack cannot be reached for {method}: {error}") from error
    except (TimeoutError, ClientConnectionError, ClientPayloadError) as error:
        raise _lost(f"the connection to Slack broke during {method}: {error or 'no answer in time'}", once) from error
    if not isinstance(answer.data, dict):
        raise _lost(f"Slack gave an unreadable answer to {method}", once)
    return answer.data


def _sorted(error: SlackApiError, method: str, *, once: bool) -> Exception:
    answer = error.response
    status = int(getattr(answer, "status_code", None) or getattr(answer, "status", None) or 0)
    found = getattr(answer, "data", None)
    data: Mapping[str, Any] = found if isinstance(found, dict) else {}
    code = str(data.get("error") or "")
    if status == 429 or code in _TRY_LATER:
        return Transient(f"Slack asks to wait ({method}: {code or status})", retry_after=_retry_after(answer))
    if code in _UNCLEAR or (status >= 500 and not code):
        return _lost(f"Slack failed inside during {method} ({code or status})", once)
    details = [str(m) for m in (data.get("response_metadata") or {}).get("messages") or ()][:3]
    if data.get("needed"):
        details.append(f"needed: {data['needed']}")
    return permanent(method, code or str(status), details)


def permanent(method: str, code: str, details: Iterable[str] = ()) -> Permanent:
    """The refusal with what to do about it."""
    fix = FIXES.get(code, "see https://docs.slack.dev for this error")
    return Permanent("; ".join([f"{method}: {code}: {fix}", *details]), code=code)


def _lost(text: str, once: bool) -> Exception:
    return Uncertain(text) if once else Transient(text)


def _retry_after(answer: Any) -> float | None:
    headers = {k.lower(): v for k, v in dict(getattr(answer, "headers", None) or {}).items()}
    try:
        return float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
