"""How each level is reached on each channel, and everything that drops it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.disclosure import levels
from inbox.disclosure.levels import Standing
from inbox.message import ContactPoint, SenderProof

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
IDLE = timedelta(minutes=30)
PHONE, MAIL, CHAT = (
    ContactPoint("phone", "+12125550101"),
    ContactPoint("email", "a@b.example"),
    ContactPoint("chat", "v"),
)

#: Every proof on every kind of address, on file or not: what is not named here gives nothing.
REACHED = {
    (SenderProof.PORTAL, "chat", False): 2, (SenderProof.PORTAL, "chat", True): 2,
    (SenderProof.CARRIER, "phone", True): 1, (SenderProof.DMARC_PASS, "email", True): 1,
}  # fmt: skip


@pytest.mark.parametrize("on_file", [False, True])
@pytest.mark.parametrize("point", [PHONE, MAIL, CHAT], ids=lambda p: p.kind)
@pytest.mark.parametrize("proof", list(SenderProof))
def test_what_a_channel_vouches_for(proof: SenderProof, point: ContactPoint, on_file: bool) -> None:
    assert levels.of_channel(proof, point, on_file=on_file) == REACHED.get((proof, point.kind, on_file), 0)


def test_every_proof_has_its_way() -> None:
    assert {way.proof for way in levels.WAYS if way.proof} == set(SenderProof)


@pytest.mark.parametrize(("standing", "why"), [
    (Standing(2, "phone:+12125550101", NOW), ""),
    (Standing(2, "phone:+12125550101", NOW - IDLE), ""),
    (Standing(2, "phone:+12125550101", NOW - IDLE - timedelta(microseconds=1)), "idle"),
    (Standing(2, "phone:+12125550101", NOW + timedelta(seconds=5)), ""),
    (Standing(2, "phone:+12125550101", NOW + timedelta(seconds=6)), "clock turned back"),
    (Standing(2, "email:a@b.example", NOW), "other address"),
    (Standing(2, "phone:+12125550102", NOW), "other address"),
    (Standing(0, "phone:+12125550101", NOW), "none"),
    (Standing(2, "phone:+12125550101", None), "none"),
    (Standing(), "none"),
])  # fmt: skip
def test_what_drops_a_standing(standing: Standing, why: str) -> None:
    assert levels.dropped(standing, PHONE, NOW, IDLE) == why
    expected = 0 if why else 2
    assert (
        levels.of_message(SenderProof.CALLER_ID, PHONE, on_file=True, standing=standing, now=NOW, idle=IDLE) == expected
    )


@given(
    level=st.integers(0, 3), other=st.booleans(), minutes=st.integers(-600, 600), proof=st.sampled_from(list(SenderProof)),
    on_file=st.booleans(),
)  # fmt: skip
def test_no_sender_ever_stands_at_three_and_only_a_live_code_lifts(
    level: int, other: bool, minutes: int, proof: SenderProof, on_file: bool
) -> None:
    at = NOW - timedelta(minutes=minutes)
    standing = Standing(level, "email:x@y.example" if other else str(PHONE), at)
    stands = levels.of_message(proof, PHONE, on_file=on_file, standing=standing, now=NOW, idle=IDLE)
    alone = levels.of_channel(proof, PHONE, on_file=on_file)
    live = not other and 0 <= minutes <= 30 and level > 0
    assert stands == (max(alone, min(level, 2)) if live else alone)
    assert stands <= 2


@pytest.mark.parametrize(("level", "called", "approved", "reached"), [
    (2, "ana", "sol", 3), (2, "ana", "ana", 2), (2, "ana", "", 2), (2, "", "sol", 2), (2, "", "", 2), (1, "ana", "sol", 1),
    (0, "ana", "sol", 0), (3, "", "", 2),
])  # fmt: skip
def test_level_three_takes_two_people(level: int, called: str, approved: str, reached: int) -> None:
    assert levels.of_request(level, called, approved) == reached
