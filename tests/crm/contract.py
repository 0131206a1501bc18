"""What every CRM promises. A CRM passes by subclassing ``CaseBookContract`` and giving it a far end."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date
from typing import Any, Literal, Protocol

import pytest

from inbox.accounts.base import AccountRef
from inbox.crm.base import CaseBook, CaseEntry, NoAccess, Person, TalkEntry, Unreachable
from inbox.errors import Permanent, Transient
from inbox.message import ContactPoint, Severity

OTTO = ContactPoint("email", "ottoline@farrow.example")
ANSEL = ContactPoint("email", "ansel@farrow.example")
SHARED = ContactPoint("phone", "+12025550117")  # a couple's


class FarEnd(Protocol):
    """The CRM's side. It knows Ottoline, who bears our id A-900, and Ansel; both have the phone ``SHARED``."""

    book: CaseBook
    otto: Person
    ansel: Person

    def cases(self) -> dict[str, dict[str, Any]]:
        """By key: subject, text, status, priority, person."""
        ...

    def talks(self) -> dict[str, dict[str, Any]]:
        """By key: subject, text, person, case."""
        ...

    def relink(self, key: str, person: Person) -> None:
        """Somebody there corrects whom a case belongs to."""
        ...

    def fail(self, how: Literal["down", "limit", "refused", "locked", "no access", "lost"]) -> None:
        """The next call goes wrong; ``lost``: it is done, but the answer never comes."""
        ...


def case_entry(**changes: Any) -> CaseEntry:
    whole: dict[str, Any] = {
        "key": "1041-01J9", "subject": "Inbox #1041: Says the same thing was charged twice", "text": "Their words: twice",
        "severity": Severity.NORMAL, "status": "open", "channel": "email", "author_name": "Ottoline Farrow-Achterberg",
        "points": (OTTO, SHARED),
    }  # fmt: skip
    return CaseEntry(**{**whole, **changes})


def talk_entry(**changes: Any) -> TalkEntry:
    whole: dict[str, Any] = {
        "key": "01J9", "subject": "Inbox: account balance (chat), answered", "text": "Messages: 1", "ended_on": date(2026, 3, 11),
    }  # fmt: skip
    return TalkEntry(**{**whole, **changes})


class CaseBookContract:
    @pytest.fixture
    @abstractmethod
    async def far(self) -> FarEnd: ...

    # Who

    async def test_somebody_is_found_by_mail_whatever_its_case(self, far):
        assert list(await far.book.people(ContactPoint("email", "Ottoline@Farrow.example"))) == [far.otto]

    async def test_an_address_of_two_gives_two(self, far):
        assert {p.id for p in await far.book.people(SHARED)} == {far.otto.id, far.ansel.id}

    @pytest.mark.parametrize(
        "point",
        [ContactPoint("email", "nobody@farrow.example"), ContactPoint("phone", ""), ContactPoint("chat", "A-900"),
         ContactPoint("email", ""), ContactPoint("phone", "+12025550118")],
    )  # fmt: skip
    async def test_a_stranger_is_nobody(self, far, point):
        assert list(await far.book.people(point)) == []
        assert list(await far.book.find(point)) == []

    async def test_accounts_are_found_as_any_source_finds_them_ours_where_the_crm_names_it(self, far):
        assert list(await far.book.find(OTTO)) == [AccountRef("ledger", "A-900")]
        assert list(await far.book.find(ANSEL)) == [AccountRef(far.book.name, far.ansel.id)]
        assert len(await far.book.find(SHARED)) == 2

    # Cases

    async def test_a_case_is_there_once_however_often_it_is_written(self, far):
        first = await far.book.file_case(case_entry(), far.otto, first=True)
        again = await far.book.file_case(case_entry(), far.otto, first=True)
        assert (first.created, again.created) == (True, False)
        assert first.id == again.id
        assert len(far.cases()) == 1
        assert first.url.startswith("http")

    async def test_a_change_shows_in_place(self, far):
        await far.book.file_case(case_entry(), None, first=True)
        await far.book.file_case(
            case_entry(status="claimed", severity=Severity.HIGH, text="With: Noor"), None, first=False
        )
        [found] = far.cases().values()
        assert "With: Noor" in found["text"]
        assert (found["status"], found["priority"]) != ("", "")

    async def test_every_status_and_severity_can_be_told(self, far):
        seen = set()
        for status in ("open", "claimed", "resolved"):
            for severity in Severity:
                await far.book.file_case(case_entry(status=status, severity=severity), None, first=True)
                [found] = far.cases().values()
                seen.add((found["status"], found["priority"]))
        assert len(seen) == 9

    async def test_whom_somebody_corrected_stays_corrected(self, far):
        await far.book.file_case(case_entry(), far.otto, first=True)
        far.relink("1041-01J9", far.ansel)
        await far.book.file_case(case_entry(status="claimed"), far.otto, first=False)
        assert far.cases()["1041-01J9"]["person"] == far.ansel.id

    async def test_keys_and_texts_of_any_kind_arrive_as_they_are(self, far):
        key, text = "1/2 & ü'%?#", "O’Neil's \\ 100 % “quoted”\nzweite Zeile 🙂"
        await far.book.file_case(case_entry(key=key, text=text), None, first=True)
        await far.book.file_case(case_entry(key=key, text=text), None, first=False)
        assert far.cases()[key]["text"] == text

    # Conversations

    async def test_a_conversation_is_logged_once_with_its_person_and_case(self, far):
        case = await far.book.file_case(case_entry(), far.otto, first=True)
        for _ in range(2):
            await far.book.file_talk(talk_entry(case_id=case.id), far.otto, first=True)
        [found] = far.talks().values()
        assert (found["person"], found["case"]) == (far.otto.id, case.id)

    # Going wrong

    @pytest.mark.parametrize(
        ("how", "error"),
        [
            ("down", Unreachable),
            ("limit", Unreachable),
            ("refused", Permanent),
            ("locked", Transient),
            ("no access", NoAccess),
        ],
    )
    async def test_what_goes_wrong_says_what_to_do_about_it(self, far, how, error):
        far.fail(how)
        with pytest.raises(error) as caught:
            await far.book.file_case(case_entry(), None, first=True)
        assert far.cases() == {}
        assert isinstance(caught.value, Unreachable) == (error is Unreachable)
        assert isinstance(caught.value, NoAccess) == (error is NoAccess)

    async def test_a_lost_answer_may_be_asked_for_again(self, far):
        far.fail("lost")
        with pytest.raises(Transient):
            await far.book.file_case(case_entry(), None, first=True)
        assert len(far.cases()) == 1
        filed = await far.book.file_case(case_entry(), None, first=True)
        assert not filed.created
        assert len(far.cases()) == 1

    async def test_check_says_something(self, far):
        assert await far.book.check()
