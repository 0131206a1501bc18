"""Calls to Salesforce's REST API, with its errors sorted into ours. Every write is an upsert, so all may be repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from inbox.clock import monotonic
from inbox.crm.base import NoAccess, Unreachable
from inbox.crm.salesforce_login import Login, Session, Token
from inbox.errors import InboxError, Permanent, Transient
from inbox.settings import Salesforce

REST = 30.0  # seconds without a call after Salesforce asked us to wait
_PAGES = 20  # of one query; a page has up to 2,000 records
#: Salesforce's errorCode -> what to do about it.
FIXES: Mapping[str, str] = {
    "NOT_FOUND": "Salesforce does not know that object or field; create the external-id fields and show them to the "
    "permission set; is salesforce.api_version one that your Salesforce has? (docs/crm.md)",
    "INVALID_FIELD": "create the field, or show it to the permission set of the connected app's user (docs/crm.md)",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "let the permission set edit the field (docs/crm.md)",
    "INSUFFICIENT_ACCESS_OR_READONLY": "give the permission set read, create and edit on Case and Task (docs/crm.md)",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "let the permission set read the Contacts (docs/crm.md)",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "a trigger or flow in Salesforce refused it; its administrator sees why",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "a validation rule in Salesforce refused it; exempt the connected app's user",
    "FIELD_INTEGRITY_EXCEPTION": "one of the values does not fit the field in Salesforce",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "set salesforce.statuses, priorities, task_status or task_priority to "
    "values that the picklist has",
    "REQUIRED_FIELD_MISSING": "Salesforce wants a field that Inbox does not fill; give it a default value there",
    "STRING_TOO_LONG": "make the external-id field at least 80 characters long",
    "API_DISABLED_FOR_ORG": "the connected app's user needs the permission API Enabled",
    "API_CURRENTLY_DISABLED": "the connected app's user needs the permission API Enabled",
    "ENTITY_IS_DELETED": "the record was deleted in Salesforce; restore it from the recycle bin",
    "MALFORMED_QUERY": "this is a mistake in the program, please report it",
    "UNSUPPORTED_API_VERSION": "set salesforce.api_version to one that your Salesforce has",
}
#: Of this one record at this moment; DUPLICATE_VALUE: an interrupted call of ours created it meanwhile.
_TRY_AGAIN = frozenset(
    {"UNABLE_TO_LOCK_ROW", "DUPLICATE_VALUE", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "OPERATION_TOO_LARGE"}
)
_OVERLOADED = frozenset(
    {"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "CONCURRENT_REQUESTS_LIMIT_EXCEEDED", "REQUEST_RUNNING_TOO_LONG"}
)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Any  # parsed JSON, None if there is none or it cannot be read
    retry_after: float | None


class Wire:
    """Raises from every call: ``Unreachable``, ``Transient``, ``NoAccess``, or ``Permanent`` with Salesforce's ``errorCode`` as ``code``."""

    def __init__(self, settings: Salesforce, login: Login, session: Session, rest: float = REST) -> None:
        self._login, self._session, self._rest = login, session, rest
        self._base = f"/services/data/v{settings.api_version}"
        self._resting_until = 0.0
        self.instance = ""  # known after the first call

    async def query(self, soql: str) -> list[Mapping[str, Any]]:
        """All records of a SOQL query, page after page."""
        answer = await self._call("GET", f"{self._base}/query", params={"q": soql})
        records: list[Mapping[str, Any]] = []
        for _ in range(_PAGES):
            body = answer.body
            if answer.status != 200 or not isinstance(body, dict) or not isinstance(body.get("records"), list):
                raise Transient("Salesforce gave an unreadable answer to a query")
            records += body["records"]
            if body.get("done", True):
                return records
            following = str(body.get("nextRecordsUrl") or "")
            if not following.startswith("/services/data/"):  # the token must go nowhere else
                raise Transient("Salesforce gave an unreadable address of the next page")
            answer = await self._call("GET", following)
        raise Permanent(f"a query in Salesforce found more than {len(records)} records; nothing of it is used")

    async def upsert(self, kind: str, key_field: str, key: str, values: Mapping[str, Any]) -> tuple[str, bool]:
        """Create the record with this external id or change it; its id there, and whether it is new."""
        path = f"{self._base}/sobjects/{kind}/{key_field}/{quote(key, safe='')}"
        answer = await self._call("PATCH", path, payload=values)
        if answer.status == 300:
            raise Permanent(
                f"{kind}: several records have {key_field} {key}; delete all but one, and make the field unique",
                code="300",
            )
        found = answer.body.get("id") if isinstance(answer.body, dict) else None
        if not found:  # 204 of older API versions says nothing
            found = (await self.read(f"sobjects/{kind}/{key_field}/{quote(key, safe='')}", {"fields": "Id"})).get("Id")
        if not found:
            raise Transient(f"Salesforce did not say where it keeps the {kind}")
        return str(found), answer.status == 201

    async def read(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """A resource below the API version: ``limits``, ``sobjects/Case/describe``."""
        answer = await self._call("GET", f"{self._base}/{path}", params=params)
        if not isinstance(answer.body, dict):
            raise Transient(f"Salesforce gave an unreadable answer to {path}")
        return answer.body

    async def close(self) -> None:
        await self._session.close()

    # -- one call

    async def _call(self, method: str, path: str, **more: Any) -> _Answer:
        left = self._resting_until - monotonic()
        if left > 0:
            raise Unreachable("Salesforce asked to wait; nothing was sent", retry_after=left)
        token = await self._login.token()
        answer = await self._once(token, method, path, **more)
        if answer.status == 401:  # the session ran out or was ended: once more with a fresh one
            token = await self._login.token(refused=token)
            answer = await self._once(token, method, path, **more)
        self.instance = token.instance
        if answer.status < 300 or (answer.status == 300 and method == "PATCH"):
            return answer
        raise self._sorted(answer, f"{method} {path.removeprefix(self._base)}")

    async def _once(
        self, token: Token, method: str, path: str, *, payload: Any = None, params: Mapping[str, str] | None = None
    ) -> _Answer:
        headers = {"Authorization": f"Bearer {token.text}", "Accept": "application/json"}
        data = None
        if payload is not None:
            data = json.dumps(payload).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        url = URL(token.instance + path, encoded=not params)
        try:
            async with self._session.get().request(
                method, url, data=data, params=params, headers=headers, allow_redirects=False
            ) as answer:
                text = await answer.text()
                return _Answer(answer.status, _parsed(text), _seconds(answer.headers.get("Retry-After")))
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError) as error:
            raise Unreachable(f"Salesforce cannot be reached: {error or 'no answer in time'}") from error

    def _sorted(self, answer: _Answer, what: str) -> InboxError:
        first = _first(answer.body)
        code, words = str(first.get("errorCode") or answer.status), str(first.get("message") or "")[:300]
        fields = first.get("fields")
        named = f" ({', '.join(map(str, fields))})" if isinstance(fields, list) and fields else ""
        text = f"Salesforce: {code}: {words or 'no words'}{named}"
        if answer.status == 401:
            return NoAccess(f"{text}; a fresh session was refused too: see docs/crm.md", code=code)
        if code in _TRY_AGAIN:
            return Transient(text, retry_after=answer.retry_after)
        if answer.status in (429, 503) or code in _OVERLOADED:
            wait = answer.retry_after or self._rest
            self._resting_until = monotonic() + wait
            return Unreachable(text, retry_after=wait)
        if answer.status == 408 or answer.status >= 500:
            return Unreachable(text, retry_after=answer.retry_after)
        fix = FIXES.get(code, f"the call was {what}; see docs/crm.md")
        return Permanent(f"{text}: {fix}", code=code)


def _first(body: Any) -> Mapping[str, Any]:
    """The first error of ``[{"errorCode", "message", "fields"}]``; a few resources answer with the object alone."""
    item = body[0] if isinstance(body, list) and body else body
    return item if isinstance(item, dict) else {}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None  # a maintenance page


def _seconds(text: str | None) -> float | None:
    try:
        return min(float(text), 3600.0) if text else None
    except ValueError:
        return None
