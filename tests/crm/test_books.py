"""The contract, for Salesforce in two generations of its API, and for the fake."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from inbox.crm.base import NoAccess, Person, Unreachable
from inbox.crm.fake import FakeBook
from inbox.errors import Permanent, Transient
from tests.crm.contract import ANSEL, OTTO, SHARED, CaseBookContract
from tests.crm.world import salesforce


class TestSalesforce(CaseBookContract):
    @pytest.fixture
    async def far(self):
        async with salesforce() as far:
            yield far


class TestSalesforceBefore46(CaseBookContract):
    """Updates are answered without a body there."""

    @pytest.fixture
    async def far(self):
        async with salesforce(version="45.0", page=1) as far:
            yield far


@dataclass
class FakeFar:
    otto: Person = field(default_factory=lambda: Person("p-1", "o-1", "Ottoline Farrow-Achterberg", "A-900"))
    ansel: Person = field(default_factory=lambda: Person("p-2", "", "Farrow"))

    def __post_init__(self):
        self.book = FakeBook(known={OTTO: (self.otto,), ANSEL: (self.ansel,), SHARED: (self.otto, self.ansel)})

    def _person(self, key):
        person = self.book.linked.get(key)
        return person.id if person else ""

    def cases(self):
        return {
            key: {"subject": e.subject, "text": e.text, "status": e.status, "priority": e.severity.value, "person": self._person(key)}
            for key, e in self.book.cases.items()
        }  # fmt: skip

    def talks(self):
        return {
            key: {"subject": e.subject, "text": e.text, "person": self._person(key), "case": e.case_id}
            for key, e in self.book.talks.items()
        }

    def relink(self, key, person):
        self.book.linked[key] = person

    def fail(self, how):
        if how == "lost":
            self.book.lost = 1
            return
        error = {
            "down": Unreachable(), "limit": Unreachable(), "refused": Permanent(), "locked": Transient(), "no access": NoAccess(),
        }[how]  # fmt: skip
        self.book.fail.append(error)


class TestFake(CaseBookContract):
    @pytest.fixture
    async def far(self):
        return FakeFar()
