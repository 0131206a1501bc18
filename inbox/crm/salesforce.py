"""Salesforce as the CRM: Contacts say who an author is, Cases and Tasks tell its people what happened here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inbox import redaction
from inbox.accounts.base import AccountRef
from inbox.clock import Clock, SystemClock
from inbox.crm.base import CaseEntry, CaseStatus, Filed, Person, TalkEntry
from inbox.crm.salesforce_login import Login, Session
from inbox.crm.salesforce_people import account_query, accounts_of, contact_query, contacts_of
from inbox.crm.salesforce_wire import Wire
from inbox.errors import SettingsError
from inbox.message import ChannelName, ContactPoint, Severity
from inbox.settings import Salesforce

_STATUSES: tuple[CaseStatus, ...] = ("open", "claimed", "returned", "resolved")
_SEVERITIES = (Severity.HIGH, Severity.NORMAL, Severity.LOW)
#: Values of the standard picklist Case.Origin.
_ORIGINS: Mapping[ChannelName, str] = {"chat": "Web", "email": "Email", "sms": "Phone", "voice": "Phone"}
_SUBJECT, _TEXT, _NAME, _PHONE = 255, 32_000, 80, 40  # characters that the fields hold


class SalesforceBook:
    """The CRM port over Salesforce's REST API. Raises ``SettingsError`` if a private key cannot be used."""

    def __init__(self, settings: Salesforce, *, clock: Clock | None = None, rest: float | None = None) -> None:
        self._settings = settings
        session = Session(settings.timeout_seconds)
        login = Login(settings, session, clock or SystemClock())
        self._wire = Wire(settings, login, session) if rest is None else Wire(settings, login, session, rest)

    @property
    def name(self) -> str:
        return "salesforce"

    async def find(self, point: ContactPoint) -> Sequence[AccountRef]:
        return list(dict.fromkeys(person.ref(self.name) for person in await self.people(point)))

    async def people(self, point: ContactPoint) -> Sequence[Person]:
        query = contact_query(point, self._settings.author_field)
        if not query:
            return []
        found = contacts_of(await self._wire.query(query), point, self._settings.author_field)
        if found or point.kind != "phone":
            return found
        return accounts_of(await self._wire.query(account_query(point)), point)

    async def file_case(self, entry: CaseEntry, person: Person | None, *, first: bool) -> Filed:
        values = {
            "Subject": _masked(entry.subject, _SUBJECT), "Description": _masked(entry.text, _TEXT),
            "Status": self._settings.statuses[_STATUSES.index(entry.status)],
            "Priority": self._settings.priorities[_SEVERITIES.index(entry.severity)],
        }  # fmt: skip
        if first:
            values |= {"Origin": _ORIGINS[entry.channel], **_who(entry, person)}
        return await self._file("Case", self._settings.case_field, entry.key, values)

    async def file_talk(self, entry: TalkEntry, person: Person | None, *, first: bool) -> Filed:
        values = {
            "Subject": _masked(entry.subject, _SUBJECT), "Description": _masked(entry.text, _TEXT),
            "Status": self._settings.task_status, "ActivityDate": entry.ended_on.isoformat(),
        }  # fmt: skip
        if entry.case_id:
            values["WhatId"] = entry.case_id
        if first:
            values["Priority"] = self._settings.task_priority
            if person and person.id:
                values["WhoId"] = person.id
            elif person and not entry.case_id:
                values["WhatId"] = person.account_id
        return await self._file("Task", self._settings.conversation_field, entry.key, values)

    async def check(self) -> str:
        problems: list[str] = []
        notes: list[str] = []
        wanted = [("Case", self._settings.case_field)]
        if self._settings.log_conversations:
            wanted.append(("Task", self._settings.conversation_field))
        for kind, key_field in wanted:
            fields = await self._fields(kind)
            problems += _key_problems(kind, key_field, fields)
            problems += self._picklist_problems(kind, fields)
            if fields.get(key_field) and not fields[key_field].get("unique"):
                notes.append(f"{kind}.{key_field} is not unique; tick Unique if Salesforce offers it")
        contact = await self._fields("Contact")
        if self._settings.author_field and self._settings.author_field not in contact:
            problems.append(
                f"Contact has no field {self._settings.author_field}; create it or clear salesforce.author_field"
            )
        if problems:
            raise SettingsError(problems)
        calls = (await self._wire.read("limits")).get("DailyApiRequests") or {}
        left = f"{calls.get('Remaining', '?')} of {calls.get('Max', '?')} calls left today"
        kinds = " and ".join(kind for kind, _ in wanted)
        return "; ".join([f"{self._wire.instance}: {kinds} can be written, {left}", *notes])

    async def close(self) -> None:
        await self._wire.close()

    async def _file(self, kind: str, key_field: str, key: str, values: Mapping[str, Any]) -> Filed:
        record, created = await self._wire.upsert(kind, key_field, key, values)
        return Filed(record, created, f"{self._wire.instance}/{record}")

    async def _fields(self, kind: str) -> dict[str, Mapping[str, Any]]:
        told = await self._wire.read(f"sobjects/{kind}/describe")
        return {str(f.get("name")): f for f in told.get("fields") or ()}

    def _picklist_problems(self, kind: str, fields: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        s = self._settings
        checks = (
            [
                ("Status", s.statuses, "statuses"),
                ("Priority", s.priorities, "priorities"),
                ("Origin", tuple(_ORIGINS.values()), ""),
            ]
            if kind == "Case"
            else [("Status", (s.task_status,), "task_status"), ("Priority", (s.task_priority,), "task_priority")]
        )
        for name, values, setting in checks:
            offered = {
                v.get("value") for v in fields.get(name, {}).get("picklistValues") or () if v.get("active", True)
            }
            for value in dict.fromkeys(values):
                if offered and value not in offered:
                    fix = f", or set salesforce.{setting}" if setting else ""
                    yield f"{kind}.{name} has no value {value!r}; add it{fix}"


def _key_problems(kind: str, name: str, fields: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    where = "Activity" if kind == "Task" else kind  # where an administrator creates it
    found = fields.get(name)
    if found is None:
        yield f"{kind} has no field {name}; create it on {where} as Text(80), External ID (docs/crm.md)"
        return
    if not found.get("externalId"):
        yield f"{kind}.{name} is no external id; tick External ID in its definition on {where}"
    if int(found.get("length") or 80) < 60:
        yield f"{kind}.{name} is too short; make it Text(80)"
    if not (found.get("createable") and found.get("updateable")):
        yield f"{kind}.{name} cannot be written; give the permission set edit on it"
    yield from (
        f"{kind}.{f} cannot be written; give the permission set edit on it"
        for f in ("Subject", "Description", "Status", "Priority")
        if not fields.get(f, {}).get("updateable")
    )


def _who(entry: CaseEntry, person: Person | None) -> dict[str, str]:
    """The person, or what there is to find them by hand."""
    if person is not None:
        found = {"ContactId": person.id} if person.id else {"AccountId": person.account_id}
    else:
        by_kind = {p.kind: p.value for p in reversed(entry.points)}
        found = {
            "SuppliedName": _masked(entry.author_name, _NAME), "SuppliedEmail": by_kind.get("email", "")[:_NAME],
            "SuppliedPhone": by_kind.get("phone", "")[:_PHONE],
        }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _masked(text: str, most: int) -> str:
    """The last gate: whatever it was given, no number of a card or a bank leaves."""
    text = redaction.mask(text).text
    return text if len(text) <= most else text[: most - 1] + "…"
