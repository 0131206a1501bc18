"""How far a sender is proven: L0 to L3, how each level is reached on each channel, and what drops it. Pure.

What the channel itself vouches for holds for one message. What a one-time code proved, the ``Standing``, holds for one
conversation and the one address that gave the code, while it is in use. Level 3 is never a sender's: it is reached by one
request, when two people of the house have checked it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from inbox.message import CHANNELS, ChannelName, ContactPoint, PointKind, SenderProof

HIGHEST = 3
CODE_LEVEL = 2
#: Two nodes' clocks may differ by so much; a clock that is further back than that was turned back.
CLOCKS_DIFFER = timedelta(seconds=5)

Drop = Literal["", "none", "other address", "idle", "clock turned back"]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach a level; ``on_file``: only from an address that one account, and no other, has on file."""

    how: str
    level: int
    channels: tuple[ChannelName, ...]
    proof: SenderProof | None = None  # what the channel must have established; None: people or a code did
    on_file: bool = False


WAYS: tuple[Way, ...] = (
    Way("nothing is known of the sender", 0, CHANNELS, SenderProof.NONE),
    Way("caller id alone: it is shown, not proven", 0, ("voice",), SenderProof.CALLER_ID),
    Way("mail that fails DMARC, or that no trusted server judged", 0, ("email",), SenderProof.DMARC_FAIL),
    Way("text message from the number on file", 1, ("sms",), SenderProof.CARRIER, on_file=True),
    Way("mail from the address on file, DMARC passed, as a server of ours says", 1, ("email",), SenderProof.DMARC_PASS, on_file=True),
    Way("signed in at the portal: its token, signed and at most 15 minutes old", 2, ("chat",), SenderProof.PORTAL),
    Way("one-time code sent to a contact on file and given back in this conversation from this address", CODE_LEVEL, CHANNELS),
    Way("level 2, a call back to the number on file, and a second person who approves", 3, CHANNELS),
)  # fmt: skip

#: What ends a standing, in the words of the documents.
DROPS: Mapping[Drop, str] = {
    "other address": "a message from another address or on another channel, even in the same conversation",
    "idle": "30 minutes without a message from that address",
    "clock turned back": "a clock that stands before the moment of the proof",
}

_KIND_OF: Mapping[SenderProof, PointKind] = {
    SenderProof.PORTAL: "chat", SenderProof.CARRIER: "phone", SenderProof.DMARC_PASS: "email",
}  # fmt: skip
_BY_PROOF: Mapping[SenderProof, Way] = {way.proof: way for way in WAYS if way.proof is not None}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a code left behind in a conversation: the level, the address it is bound to, when it was last used."""

    level: int = 0
    point: str = ""  # "phone:+1…"
    at: datetime | None = None


def of_channel(proof: SenderProof, point: ContactPoint, *, on_file: bool) -> int:
    """The level that the channel alone gives this message. A proof on an address of another kind counts nothing."""
    way = _BY_PROOF[proof]
    if way.level == 0 or _KIND_OF[proof] != point.kind or (way.on_file and not on_file):
        return 0
    return way.level


def dropped(standing: Standing, point: ContactPoint, now: datetime, idle: timedelta) -> Drop:
    """Why the standing does not count for a message from ``point``; ``""`` if it does."""
    if standing.level <= 0 or standing.at is None:
        return "none"
    if standing.point != str(point):
        return "other address"
    if now < standing.at - CLOCKS_DIFFER:
        return "clock turned back"
    return "idle" if now - standing.at > idle else ""


def of_message(
    proof: SenderProof, point: ContactPoint, *, on_file: bool, standing: Standing, now: datetime, idle: timedelta
) -> int:
    """The level a message stands at: the best of what the channel and the standing give."""
    natural = of_channel(proof, point, on_file=on_file)
    if dropped(standing, point, now, idle):
        return natural
    return max(natural, min(standing.level, CODE_LEVEL))


def of_request(level: int, called_back_by: str, approved_by: str) -> int:
    """The level of one request that people checked: 3 after a call back and the approval of another person."""
    checked = bool(called_back_by and approved_by) and called_back_by != approved_by
    return HIGHEST if checked and level >= CODE_LEVEL else min(level, CODE_LEVEL)
