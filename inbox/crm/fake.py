"""A CRM in memory: tests, simulation and the demo. It passes the contract of the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inbox import redaction
from inbox.accounts.base import AccountRef
from inbox.crm.base import CaseEntry, Filed, Person, TalkEntry, Unreachable
from inbox.message import ContactPoint


@dataclass
class FakeBook:
    """``fail`` holds what the coming calls do: raise an error, or nothing (None). ``lost`` writings are done, and then
    their answer does not arrive.
    """

    name: str = "fake"
    known: dict[ContactPoint, tuple[Person, ...]] = field(default_factory=dict)
    cases: dict[str, CaseEntry] = field(default_factory=dict)  # by key, as written last
    talks: dict[str, TalkEntry] = field(default_factory=dict)
    linked: dict[str, Person | None] = field(default_factory=dict)  # by key, as written first
    fail: list[Exception | None] = field(default_factory=list)
    lost: int = 0
    writings: list[str] = field(default_factory=list)  # keys, in order
    closed: bool = False

    async def find(self, point: ContactPoint) -> Sequence[AccountRef]:
        return list(dict.fromkeys(person.ref(self.name) for person in await self.people(point)))

    async def people(self, point: ContactPoint) -> Sequence[Person]:
        self._maybe_fail()
        return self.known.get(ContactPoint(point.kind, point.value.strip().lower()), ())

    async def file_case(self, entry: CaseEntry, person: Person | None, *, first: bool) -> Filed:
        self._maybe_fail()
        _must_be_masked(entry.subject, entry.text, entry.author_name)
        created = entry.key not in self.cases
        self.cases[entry.key] = entry
        return self._filed("case", entry.key, person, first=first, created=created)

    async def file_talk(self, entry: TalkEntry, person: Person | None, *, first: bool) -> Filed:
        self._maybe_fail()
        _must_be_masked(entry.subject, entry.text)
        created = entry.key not in self.talks
        self.talks[entry.key] = entry
        return self._filed("talk", entry.key, person, first=first, created=created)

    async def check(self) -> str:
        self._maybe_fail()
        return f"a CRM in memory with {len(self.cases)} cases"

    async def close(self) -> None:
        self.closed = True

    def _filed(self, kind: str, key: str, person: Person | None, *, first: bool, created: bool) -> Filed:
        self.writings.append(key)
        if first:
            self.linked[key] = person
        if self.lost:
            self.lost -= 1
            raise Unreachable("the answer was lost")
        return Filed(f"{kind}/{key}", created, f"https://crm.example/{kind}/{key}")

    def _maybe_fail(self) -> None:
        error = self.fail.pop(0) if self.fail else None
        if error is not None:
            raise error


def _must_be_masked(*texts: str) -> None:
    for text in texts:
        if redaction.mask(text).text != text:
            raise AssertionError("a text for the CRM is not masked")
