"""The whole pipeline with secrets in every dress and every field: none of them is in the store, in a log or at the desk."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from inbox import redaction
from inbox.db.store import Store
from inbox.db.tables import codes, decisions, events, handoffs, messages, metadata, quarantine
from inbox.escalation import slack_blocks
from inbox.intents.understanding import Finding
from inbox.log import JsonLines, PlainLines
from inbox.message import Attachment, Route
from tests import secrets_made as made
from tests.flows.test_cases import act, card, dispute
from tests.world import MARA, World

VISA = "4539578763621486"
_DIGITS = re.compile(r"\d+")


def some(count: int) -> list[made.Secret]:
    """The same secrets at every run."""
    found: list[made.Secret] = []

    @seed(20260311)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(made.secrets)
    def collect(secret: made.Secret) -> None:
        found.append(secret)

    collect()
    return found


def stored(store: Store) -> Iterator[tuple[str, str]]:
    """Every value of every table, on either engine."""
    from sqlalchemy import select

    from inbox.db.store import Sql

    for table in metadata.sorted_tables:
        for row in store.read_now(lambda tx, table=table: tx.all(Sql(select(table)))):
            for column in table.columns:
                if isinstance(row[column.name], str):
                    yield f"{table.name}.{column.name}", row[column.name]


def survivors(values: Iterator[tuple[str, str]], secrets: list[made.Secret]) -> list[tuple[str, str]]:
    """Where a trace stands: as it was written, or its digits after everything between them is left out."""
    traces = {t for s in secrets for t in s.traces}
    bare = {t for t in traces if t.isascii() and t.isdigit() and len(t) >= 9}
    found = []
    for place, value in values:
        plain = redaction.plain(value)
        joined = "".join(_DIGITS.findall(plain)) if place not in ("events.hash", "events.prev") else ""
        found += [(place, t) for t in traces if t in value or json.dumps(t)[1:-1] in value]
        found += [(place, t) for t in bare if t in joined]
    return found


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [JsonLines().format(record), PlainLines().format(record)]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


async def test_no_secret_lands_anywhere(world: World, lines: Lines) -> None:
    secrets = some(120)
    world.reader.teach("help", "account_balance")
    for n, secret in enumerate(secrets):
        channel = ("sms", "email", "chat", "voice")[n % 4]
        mail: dict[str, Any] = (
            {
                "subject": f"re {secret.text}",
                "attachments": (Attachment(filename=f"{secret.text}.pdf", content_type="a/b", size=1),),
            }
            if channel == "email"
            else {}
        )
        await world.says(
            secret.text if n % 3 else dispute(world, f"you took 64 twice {secret.text}"), channel=channel, by=None if n % 5 == 0 else MARA,
            raw=json.dumps({"Body": secret.text, "n": n}, ensure_ascii=n % 2 == 0), sender_name=f"Mara {secret.text}",
            meta={"from_display": secret.text, "note": secret.text}, **mail,
        )  # fmt: skip
        logging.getLogger("inbox.test").warning("said %s", secret.text, extra={"text": secret.text})
    await world.intake.quarantine("email", "q-1", "\n".join(s.text for s in secrets).encode(), secrets[0].text)
    await act(world, "claim")
    await act(world, "note", text=secrets[1].text)
    left = survivors(stored(world.store), secrets)
    assert left == [], "\n".join(map(repr, left))
    assert survivors((("log", line) for line in lines.lines), secrets) == []
    post = slack_blocks.card_post(card(world))
    entries = [slack_blocks.entry_post(e) for e in card(world).history]
    assert survivors((("slack", text) for text in map(str, [post, *entries])), secrets) == []
    if world.store.url.startswith("sqlite"):
        in_files(world.store, secrets)


def in_files(store: Store, secrets: list[made.Secret]) -> None:
    """The bytes of the database, its log and its index: also pages that are free again."""
    path = Path(store.url.removeprefix("sqlite:///"))
    whole = b"".join(p.read_bytes() for p in path.parent.glob(f"{path.name}*"))
    assert b"[password]" in whole
    traces = {t for s in secrets for t in s.traces if len(t) >= 7}
    assert [t for t in traces if t.encode() in whole or json.dumps(t)[1:-1].encode() in whole] == []


async def test_every_innocent_is_stored_byte_for_byte(world: World) -> None:
    @seed(20260312)
    @settings(
        max_examples=60, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(made.innocents)
    def collect(text: str) -> None:
        texts.append(f"About {text}, please")

    texts: list[str] = []
    collect()
    for text in texts:
        await world.says(text, channel="email", subject=text, raw=text)
    kept = [(r["text"], r["subject"], r["raw"]) for r in world.rows(messages, direction="inbound")]
    assert sorted(kept) == sorted((text, text, text) for text in texts)


@pytest.mark.parametrize(
    "halves",
    [["4539 5787", "6362 1486"], ["my card: 4539", "5787", "6362", "1486"], ["four five three nine five seven eight seven",
     "six three six two one four eight six"], ["here: 45395787", "and the rest is 63621486"]],
)  # fmt: skip
async def test_a_card_told_over_several_messages_is_taken_apart(world: World, halves: list[str]) -> None:
    for half in halves:
        await world.says(half, channel="sms", raw=json.dumps({"Body": half}))
    rows = world.rows(messages, direction="inbound")
    assert rows[-1]["text"].endswith("[Visa card •••• 1486]")
    for row in rows:
        assert not [d for d in _DIGITS.findall(row["text"] + row["raw"]) if d in VISA and d != "1486"]
        assert "eight" not in row["text"] + row["raw"]
    told = [r for r in world.rows(events) if r["type"] == "message.masked"]
    assert len(told) == 1
    assert json.loads(told[0]["data"])["earlier"] == [r["id"] for r in rows[:-1]]
    assert "6362" not in str([dict(r) if isinstance(r, dict) else tuple(r) for r in world.rows(decisions)])


async def test_a_card_told_digit_by_digit_leaves_every_record_readable(world: World) -> None:
    """Single digits stand in ids, scores and times as well: only what quotes the author is taken out."""
    await world.says(world.reader.teach("a person please", "speak_to_human", route=Route.ESCALATE), channel="sms")
    digits = list(VISA[-5:])
    first = "4539 5787 636"
    world.reader.teach(
        first, "double_charge", route=Route.ESCALATE, finding=_finding(first), payment_ids=("P-501", first)
    )
    for said in (first, *digits):
        raw = json.dumps({"Body": said, "MessageSid": "SM4d1c8e21f6b4", "NumMedia": "4", "From": MARA.phone})
        await world.says(said, channel="sms", raw=raw)
    rows = world.rows(messages, direction="inbound")
    assert rows[-1]["text"].endswith("[Visa card •••• 1486]")
    for row in rows[1:]:
        payload = json.loads(row["raw"])
        assert (payload["NumMedia"], payload["From"], payload["MessageSid"]) == ("4", MARA.phone, "SM4d1c8e21f6b4")
        assert payload["Body"] == row["text"]
    kept = {row["message_id"]: json.loads(row["record"]) for row in world.rows(decisions)}
    record = kept[rows[1]["id"]]
    assert record["findings"][0][3] == "[part of a card number]"
    assert record["entities"]["payments"] == ["P-501"]
    [case] = world.rows(handoffs)
    facts = json.loads(case["facts"])
    assert "5787" not in facts["quote"]
    assert "P-501" in facts["payment_ids"]


def _finding(quote: str) -> Finding:
    return Finding(
        guard="dispute.twice", route=Route.ESCALATE, reason="twice", case_reason="double_charge", quote=quote
    )


async def test_half_a_card_by_mail_is_taken_out_of_the_body_and_not_of_the_ids(world: World) -> None:
    head = "From: x\nMessage-ID: <45395787.1@mail.example>\nSubject: 4"
    await world.says("45395787", channel="email", raw=f"{head}\n\n45395787\n\n-- \nRoom 4, 45395787")
    await world.says("63621486", channel="email", raw=f"{head}\n\n63621486")
    first, last = world.rows(messages, direction="inbound")
    assert first["raw"] == f"{head}\n\n[part of a card number]\n\n-- \nRoom 4, [part of a card number]"
    assert last["raw"].endswith("[Visa card •••• 1486]")


async def test_numbers_of_two_days_are_not_joined(world: World) -> None:

    await world.says("4539 5787", channel="sms")
    world.clock.tick(3 * 3600)
    await world.says("6362 1486", channel="sms")
    assert [r["text"] for r in world.rows(messages, direction="inbound")] == ["4539 5787", "6362 1486"]


@pytest.mark.parametrize("busy", [False, True])
async def test_a_one_time_code_proves_and_is_stored_nowhere(world: World, busy: bool) -> None:
    """Also where the decision waits in the queue: what is stored is a seal of it."""
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    digits = world.code()
    world.intake._local = not busy
    await world.says(f"here it is: {digits[:3]} {digits[3:]}" if busy else digits, raw=json.dumps({"Body": digits}))
    assert "200.00" in world.last()
    assert [r["status"] for r in world.rows(codes)] == ["used"]
    row = world.rows(messages, direction="inbound")[-1]
    assert "[code]" in row["text"]
    for place, value in stored(world.store):
        if place not in ("events.hash", "events.prev", "messages.meta"):
            assert digits not in value, place
            assert f"{digits[:3]} {digits[3:]}" not in value, place
    assert digits not in json.loads(row["meta"]).values()


async def test_a_wrong_code_is_still_told_so(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    digits = world.code()
    wrong = f"{(int(digits) + 1) % 1_000_000:06d}"
    await world.says(wrong)
    assert "200.00" not in " ".join(world.heard())
    assert [r["tries"] for r in world.rows(codes)] == [1]


async def test_a_mail_put_aside_hides_what_it_encodes(world: World) -> None:
    import base64

    raw = b"Subject: hi\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(
        f"my card is {VISA}, thanks a lot".encode()
    )
    await world.intake.quarantine("email", f"<{VISA}@x.example>", raw, "unreadable")
    [row] = world.rows(quarantine)
    assert "encoded text with a masked number" in row["raw"]
    assert VISA not in row["source_id"]
