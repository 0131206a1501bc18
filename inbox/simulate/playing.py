"""Play dialogues turn by turn and collect what was missing or forbidden."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inbox import verification
from inbox.accounts import ledger
from inbox.conversations import Conversation, point_of
from inbox.errors import InboxError
from inbox.escalation import handoffs
from inbox.intents import prepared
from inbox.intents.understanding import Reader
from inbox.message import SenderProof
from inbox.simulate import checking, finale
from inbox.simulate.checking import Seen, Values, Verdict
from inbox.simulate.happening import happen
from inbox.simulate.report import DialogueResult, Report, TurnResult
from inbox.simulate.script import Dialogue, Turn, load
from inbox.simulate.stage import Stage, details_of, set_up, template_database
from inbox.templates import catalog as answers

_ACTIONS: Mapping[str, str] = {
    "code.sent": "send_otp", "code.verified": "verify_otp", "code.rejected": "reject_otp", "link.made": "send_secure_link",
    "handoff.opened": "create_case", "handoff.appended": "append_case", "collections.paused": "pause_dunning",
    "promise.stored": "store_promise", "promise.kept": "mark_promise_kept", "promise.broken": "mark_promise_broken",
    "opt_out.stored": "store_opt_out", "preference.stored": "store_contact_preference",
    "withdrawal.requested": "create_withdrawal", "payout.held": "hold_payout", "due_date.changed": "change_due_date",
    "plan.split": "create_split_plan", "document.sent": "send_document", "outbound.scheduled": "schedule_outbound",
    "outbound.suppressed": "suppress_outbound", "charge.suppressed": "suppress_charge", "message.ignored": "ignore_message",
    "recording.paused": "pause_recording", "handoff.widened": "append_case",
}  # fmt: skip
_MASKS = {"pan": "redact_pan", "bank": "redact_bank", "ssn": "redact_ssn"}


async def play(path: Path, *, only: str | None = None, reader: Reader | None = None) -> Report:
    """Play the dialogues of a file; each on a fresh store. Raises ``DataError`` for a bad file."""
    dialogues = load(path, only)
    reader = reader or prepared.reader()
    with tempfile.TemporaryDirectory(prefix="inbox-template-") as folder:
        template = template_database(Path(folder))
        return Report([await _play(dialogue, reader, template) for dialogue in dialogues])


async def _play(dialogue: Dialogue, reader: Reader, template: Path) -> DialogueResult:
    stage = await set_up(dialogue, reader, answers.load(), template)
    played = Played(stage)
    try:
        turns = [await played.turn(turn) for turn in dialogue.turns]
        stage.clock.tick(2)
        await stage.settle()
        problems = finale.check(stage, dialogue.final, played.level, played.final_state())
    finally:
        stage.close()
    return DialogueResult(dialogue.id, dialogue.title, turns, problems)


@dataclass
class Played:
    """Where a dialogue stands."""

    stage: Stage
    values: Values = field(default_factory=Values)
    level: str = "L0"
    state: str = "open"
    last_kind: str = ""

    async def turn(self, turn: Turn) -> TurnResult:
        if turn.at is not None:
            self.stage.clock.move(turn.at)
        else:
            self.stage.clock.tick(20)
        verdict = await (self._author(turn) if turn.who == "author" else self._event(turn))
        label = turn.channel or turn.event
        return TurnResult(turn.number, label, turn.text or turn.event, verdict.problems, verdict.leaks)

    async def _author(self, turn: Turn) -> Verdict:
        self._fill_codes()
        mark, before = self.stage.mark(), self.stage.event_keys()
        key = await self.stage.says(turn, self.values.fill(turn.subject), self.values.fill(turn.text))
        self._learn()
        seen = self._seen(key, mark, self.stage.events_but(before))
        return checking.author_turn(turn.expected, seen, self.values, _strings_of_others(self.stage.dialogue))

    async def _event(self, turn: Turn) -> Verdict:
        mark, before = self.stage.mark(), self.stage.event_keys()
        try:
            await happen(self.stage, turn.event, details_of(turn, self.values.known))
        except InboxError as refused:
            return Verdict((f"{turn.event}: {refused}",))
        self._learn()
        wrote = tuple((row["channel"], m.text) for row, m in self.stage.outbound_after(mark))
        new = self.stage.events_but(before)
        suppressed = tuple(_data(e).get("reason", "") for e in new if e["type"] == "outbound.suppressed")
        held = tuple(_data(e).get("reason", "") for e in new if e["type"] == "charge.suppressed")
        seen = Seen(actions=self._actions(new), outbound=wrote, suppressed=suppressed, charge_held=held)
        return checking.event_turn(turn.expected, seen, self.values)

    # -- placeholders

    def _fill_codes(self) -> None:
        code = self.stage.last_code()
        self.values.known["<OTP>"] = code or "000000"
        self.values.known["<WRONG_OTP>"] = f"{(int(code or '1') + 1) % 1_000_000:06d}"

    def _learn(self) -> None:
        """Ids the system made: the case, the withdrawal, the last link."""
        for event in self.stage.events():
            data = _data(event)
            if event["type"] == "handoff.opened":
                self.values.known["<CASE_ID>"] = str(data["case"])
            if event["type"] == "withdrawal.requested":
                self.values.known["<WD_ID>"] = str(data["withdrawal"])

    # -- what was seen

    def _seen(self, key: str, mark: str, new: list[Any]) -> Seen:
        stage = self.stage
        sent = stage.outbound_after(mark)
        decision, row = stage.decision(key), stage.inbound(key)
        record = {} if decision is None else _json(decision["record"])
        conversation = stage.conversation(key)
        self.level = self._level(row, conversation)
        self.state = self._state(conversation)
        kind = decision["reply_kind"] if decision else ""
        if sent or kind != "silent":  # what says nothing leaves the next step where it was
            self.last_kind = kind
        return Seen(
            replies=tuple(f"{m.subject}\n{m.text}".strip() for _, m in sent), channels=tuple(r["channel"] for r, _ in sent),
            languages=tuple(r["language"] for r, _ in sent), actions=self._actions(new),
            route=decision["route"] if decision else "", kind=kind, intents=tuple(record.get("intents", ())),
            level=self.level, state=self.state, elsewhere=stage.written(),
        )  # fmt: skip

    def _level(self, row: Any, conversation: Conversation) -> str:
        stage, point = self.stage, point_of(row["address"])
        proof = SenderProof(row["proof"])
        account = stage.store.read_now(lambda tx: ledger.load(tx, stage.ref, stage.clock.now()))
        level = verification.level_of(proof, point, account, conversation, stage.clock.now(), stage.house.rules)
        return f"L{level}"

    def _state(self, conversation: Conversation) -> str:
        live = self.stage.store.read_now(lambda tx: handoffs.live(tx, conversation.id))
        if live is not None:
            return "escalated"
        return "resolved" if conversation.status == "resolved" else "open"

    def final_state(self) -> str:
        """``waiting_author`` when the last thing said leaves the next step to the author."""
        if self.state == "open" and self.last_kind in ("link", "clarify", "confirm", "otp_prompt", "otp_retry"):
            return "waiting_author"
        return self.state

    def _actions(self, new: Iterable[Any]) -> frozenset[str]:
        found = set()
        for event in new:
            if event["type"] in _ACTIONS:
                found.add(_ACTIONS[event["type"]])
            if event["type"].startswith("security."):
                found.add("log_security_event")
            if event["type"] == "message.received":
                found |= {_MASKS[m["kind"]] for m in _data(event).get("masked", ()) if m["kind"] in _MASKS}
        if "create_case" in found and self.stage.desk.roots:
            found.add("notify_slack")
        return frozenset(found)


def _strings_of_others(dialogue: Dialogue) -> list[str]:
    """Ids, addresses and money of other accounts that the played one does not share."""
    own = set(_strings(dialogue.account))
    found = {s for other in dialogue.others for s in _strings(other)}
    return [s for s in found - own if len(s) >= 5 and any(c.isdigit() for c in s) and not _is_date(s)]


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _is_date(text: str) -> bool:
    return len(text) >= 10 and text[4:5] == text[7:8] == "-"


def _data(event: Any) -> dict[str, Any]:
    return _json(event["data"])


def _json(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text)
    return parsed
