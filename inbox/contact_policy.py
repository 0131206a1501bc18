"""May we write to this person, on this channel, for this purpose, now? Pure; a refusal is a value with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inbox.message import ChannelName

Purpose = Literal["reply", "code", "confirmation", "agent_reply", "notice"]


@dataclass(frozen=True, slots=True)
class Denied:
    reason: str  # code of the suppression list, e.g. "sms_opt_out"
    words: str


def may_write(purpose: Purpose, channel: ChannelName, suppression: str, *, switched_on: bool = True) -> Denied | None:
    """None = yes. ``suppression`` is why the address is suppressed, "" if it is not.

    The one confirmation of an opt-out, and of its end, may go out (FCC rule 64.1200(a)(12); playbook section 8.3).
    """
    if not switched_on:
        return Denied("channel_off", f"{channel} is not set up")
    if not suppression or purpose == "confirmation":
        return None
    if suppression == "invalid":
        return Denied("invalid_contact", "messages to this address do not arrive")
    if channel == "sms":
        return Denied("sms_opt_out", "the author opted out of texts")
    if channel == "email" and purpose in ("reply", "code", "agent_reply"):
        return None  # an opt-out of reminders by mail leaves answers to the author's own questions allowed
    return Denied("contact_preference", f"the author opted out of {channel}")
