"""What every desk promises. A desk passes by subclassing ``DeskContract`` and giving it a far end."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from datetime import timedelta
from typing import Any, Literal, Protocol

import pytest

from inbox.errors import Permanent, Transient, Uncertain
from inbox.escalation.base import CaseRef, Desk
from inbox.escalation.fake import RecordingDeskEvents
from tests.escalation.world import entry, handoff


class FarEnd(Protocol):
    """The people's side of a desk. Persons are ``"maren"`` and ``"tobin"`` (agents) and ``"ilse"`` (not one)."""

    desk: Desk
    events: RecordingDeskEvents

    async def act(self, ref: CaseRef, kind: Any, person: str, **more: str) -> None: ...

    async def act_again(self, times: int) -> None:
        """The last act delivered again."""
        ...

    def root(self, ref: CaseRef) -> str: ...

    def roots(self) -> int: ...

    def lines(self, ref: CaseRef) -> list[str]: ...

    def told(self, person: str) -> list[str]: ...

    def fail(self, how: Literal["busy", "refused", "lost"]) -> None:
        """The next post goes wrong; ``lost``: it is done, but the answer never comes."""
        ...


class DeskContract:
    @pytest.fixture
    @abstractmethod
    async def far(self) -> FarEnd: ...

    async def case(self, far: FarEnd, **changes) -> CaseRef:
        card = handoff(**changes)
        ref = await far.desk.open(card)
        far.events.opened(ref, card)
        return ref

    # Out

    async def test_an_opened_case_can_be_read_and_found(self, far):
        ref = await self.case(far)
        assert ref.desk == far.desk.name
        assert "charged twice" in far.root(ref)
        assert await far.desk.find(handoff()) == ref
        assert await far.desk.find(handoff(number=7)) is None

    async def test_a_busy_desk_is_transient_and_posts_nothing(self, far):
        far.fail("busy")
        with pytest.raises(Transient):
            await far.desk.open(handoff())
        assert far.roots() == 0

    async def test_a_refusal_is_permanent(self, far):
        far.fail("refused")
        with pytest.raises(Permanent):
            await far.desk.open(handoff())

    async def test_a_lost_answer_is_uncertain_and_the_case_is_found_afterwards(self, far):
        far.fail("lost")
        with pytest.raises(Uncertain):
            await far.desk.open(handoff())
        assert far.roots() == 1
        assert await far.desk.find(handoff()) is not None

    async def test_changes_are_shown_in_place(self, far):
        ref = await self.case(far)
        await far.desk.update(ref, handoff(status="claimed", owner="Maren V.", headline="Now claimed", version=2))
        assert "Now claimed" in far.root(ref)
        assert far.roots() == 1

    async def test_an_older_state_never_replaces_a_newer_one(self, far):
        ref = await self.case(far)
        await far.desk.update(ref, handoff(headline="Newest", version=5))
        await far.desk.update(ref, handoff(headline="Late and old", version=4))
        assert "Newest" in far.root(ref)

    async def test_lines_are_appended_in_order_and_each_key_once(self, far):
        ref = await self.case(far)
        first = await far.desk.append(ref, entry("m1", "one"))
        await far.desk.append(ref, entry("m2", "two"))
        assert await far.desk.append(ref, entry("m1", "one")) == first
        assert [line.split()[-1] for line in far.lines(ref)] == ["one", "two"]

    async def test_a_lost_line_is_not_posted_again(self, far):
        ref = await self.case(far)
        far.fail("lost")
        with pytest.raises(Uncertain):
            await far.desk.append(ref, entry("m1", "one"))
        await far.desk.append(ref, entry("m1", "one"))
        await far.desk.append(ref, entry("m2", "two"))
        assert [line.split()[-1] for line in far.lines(ref)] == ["one", "two"]

    # In

    async def test_the_first_claim_wins_and_the_second_is_told_who_has_it(self, far):
        ref = await self.case(far)
        await far.act(ref, "claim", "maren")
        await far.act(ref, "claim", "tobin")
        assert [e.kind for e in far.events.applied] == ["claim"]
        assert far.told("maren") == []
        assert any("has this case" in text for text in far.told("tobin"))

    async def test_the_same_act_three_times_has_one_effect(self, far):
        ref = await self.case(far)
        await far.act(ref, "claim", "maren")
        await far.act_again(2)
        assert far.events.deliveries == 3
        assert len(far.events.applied) == 1

    async def test_thread_text_is_a_note_and_never_a_reply(self, far):
        ref = await self.case(far)
        await far.act(ref, "claim", "maren")
        await far.act(ref, "note", "maren", text="Refund looks right to me.")
        note = far.events.applied[-1]
        assert (note.kind, note.case, note.text, note.channel) == ("note", 1041, "Refund looks right to me.", None)
        assert all(e.kind != "reply" for e in far.events.applied)

    async def test_a_reply_goes_where_the_agent_chose(self, far):
        ref = await self.case(far)
        await far.act(ref, "claim", "maren")
        await far.act(ref, "reply", "maren", text="We are on it.", channel="email")
        reply = far.events.applied[-1]
        assert (reply.kind, reply.text, reply.channel) == ("reply", "We are on it.", "email")
        assert reply.at.utcoffset() == timedelta(0)

    async def test_release_return_resolve_and_reopen_say_why(self, far):
        ref = await self.case(far)
        for kind, more in [
            ("claim", {}),
            ("release", {}),
            ("claim", {}),
            ("return", {"reason": "Only a balance question is left."}),
            ("reopen", {"reason": "The author objects."}),
            ("claim", {}),
            ("resolve", {"outcome": "refund", "text": "Approved by Ilse."}),
            ("reopen", {"reason": "The refund failed."}),
        ]:
            await far.act(ref, kind, "maren", **more)
            await far.desk.update(ref, far.events.cards[1041])
        kinds = [e.kind for e in far.events.applied]
        assert kinds == ["claim", "release", "claim", "return", "reopen", "claim", "resolve", "reopen"]
        assert far.events.applied[3].reason == "Only a balance question is left."
        assert (far.events.applied[6].outcome, far.events.applied[6].text) == ("refund", "Approved by Ilse.")
        assert far.events.applied[7].reason == "The refund failed."

    async def test_somebody_who_is_no_agent_is_told_so(self, far):
        ref = await self.case(far)
        far.events.staff = frozenset({"maren", "tobin", "U0MAREN", "U0TOBIN"})
        await far.act(ref, "claim", "ilse")
        assert far.events.applied == []
        assert any("agent" in text for text in far.told("ilse"))

    async def test_listening_stops_when_cancelled(self, far):
        """A desk without a connection to hold may also return at once."""
        task = asyncio.create_task(far.desk.listen(far.events))
        await asyncio.sleep(0.05)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=2)
        assert task in done
        assert task.cancelled() or task.exception() is None

    async def test_check_says_something(self, far):
        assert await far.desk.check()
