"""The pages of payouts and of changes: roles, form tokens, reasons, files, four eyes; nothing unescaped."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html import unescape

import pytest
import sqlalchemy as sa

from inbox import contacts
from inbox.accounts import records
from inbox.accounts.base import Royalties
from inbox.db.store import Sql
from inbox.db.tables import events as record
from inbox.message import ContactPoint, SenderProof
from inbox.money import Money
from inbox.payouts import destinations, setoff, withdrawals
from inbox.payouts.withdrawals import Wish
from tests.console.world import MAIL, PHONE, World, add_staff, author_account

ROYALTIES = Royalties(
    available=Money.of("120.00"), pending=Money.of("0.00"), returns_reserve=Money.of("0.00"), threshold=Money.of("50.00"),
    next_run_on=None, tax_form="W-9", tax_form_status="approved", payout_method="bank ••5093",
)  # fmt: skip
CHANGE = {"author": "A-3307", "kind": "payout", "method": "bank", "last4": "4471", "case": ""}


@pytest.fixture
async def house(both: World) -> World:
    """An author called like a script, with a withdrawal of 60."""
    account = replace(author_account(), name="<script>alert(1)</script>", royalties=ROYALTIES)
    wish = Wish(
        id="WD-1", amount=Money.of("60.00"), destination="bank ••5093", confirmation="c-1", conversation_id="",
        requested_on=date(2026, 3, 11),
    )  # fmt: skip

    def fill(tx):
        records.account(tx, account, both.clock.now())
        withdrawals.request(tx, "A-3307", wish, both.clock.now())

    await both.store.run(fill)
    return both


def told_events(tx):
    return tx.all(Sql(sa.select(record.c.stream).where(record.c.type == "notice.not_sent")))


def state(world: World) -> str:
    return world.store.read_now(lambda tx: withdrawals.get(tx, "WD-1")).status


async def test_only_supervisors_see_payouts(house: World):
    ana = await house.agent()
    for path in ("/console/payouts", "/console/payouts/batches/PB-1/csv"):
        await ana.get(path)
        assert ana.status == 403
    assert 'href="/console/payouts"' not in await ana.get("/console/changes")
    for path in ("withdrawals/WD-1/hold", "withdrawals/WD-1/release", "withdrawals/WD-1/call-off", "batches"):
        await ana.post(f"/console/payouts/{path}", reason="x")
        assert ana.status == 403
    assert state(house) == "requested"
    nobody = await house.visitor()
    await nobody.get("/console/payouts", follow=False)
    assert nobody.status == 303


async def test_a_form_without_its_token_does_nothing(house: World):
    sol = await house.supervisor()
    for path in ("payouts/withdrawals/WD-1/hold", "payouts/batches", "changes", "setoffs"):
        await sol.post(f"/console/{path}", csrf="wrong", reason="x", **CHANGE)
        assert sol.status == 403
    assert state(house) == "requested"
    assert house.store.read_now(destinations.open_ones) == []


async def test_hold_and_release_want_a_reason(house: World):
    sol = await house.supervisor()
    html = await sol.get("/console/payouts")
    assert "WD-1" in html
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;" in html
    await sol.post("/console/payouts/withdrawals/WD-1/hold", reason="  ")
    assert sol.status == 400
    html = await sol.post("/console/payouts/withdrawals/WD-1/hold", reason="<b>check</b>")
    assert "is on hold" in html
    assert "&lt;b&gt;check" in html
    await sol.post("/console/payouts/withdrawals/WD-1/hold", reason="again")
    assert state(house) == "held"
    await sol.post("/console/payouts/withdrawals/WD-1/release", reason="fine")
    assert state(house) == "requested"
    await sol.post("/console/payouts/withdrawals/WD-1/release", reason="fine")
    assert sol.status == 409
    await sol.post("/console/payouts/withdrawals/WD-404/hold", reason="x")
    assert sol.status == 404


async def test_a_batch_and_its_file(house: World):
    sol = await house.supervisor()
    assert "Nothing may be paid" in await sol.post("/console/payouts/batches", until="2026-03-10")
    await sol.post("/console/payouts/batches", until="soon")
    assert sol.status == 400
    html = await sol.post("/console/payouts/batches", until="2026-03-11")
    assert "The batch is made" in html
    assert "PB-00001" in html
    assert state(house) == "in_review"
    first = await sol.get("/console/payouts/batches/PB-00001/csv")
    assert '"WD-1"' in first
    assert sol.headers["Content-Disposition"] == 'attachment; filename="PB-00001.csv"'
    assert sol.headers["Cache-Control"] == "no-store"
    assert await sol.get("/console/payouts/batches/PB-00001/csv") == first
    for path in ("PB-00001/exe", "PB-00002/csv", "x/csv"):
        await sol.get(f"/console/payouts/batches/{path}")
        assert sol.status == 404


async def test_calling_off_needs_a_hold_first(house: World):
    sol = await house.supervisor()
    await sol.post("/console/payouts/withdrawals/WD-1/call-off")
    assert sol.status == 409
    await sol.post("/console/payouts/withdrawals/WD-1/hold", reason="asked to stop")
    assert "called off" in await sol.post("/console/payouts/withdrawals/WD-1/call-off")
    assert state(house) == "returned"


async def test_a_change_takes_a_call_and_two_people(house: World):
    await add_staff(house.store, "Vera", "supervisor")
    ana, sol, vera = await house.agent(), await house.supervisor(), await house.visitor("vera@larkmoor.example")
    assert "Now call the number on file" in await ana.post("/console/changes", **CHANGE)
    (change,) = house.store.read_now(destinations.open_ones)
    path = f"/console/changes/{change.id}"
    await sol.post(f"{path}/approve")
    assert sol.status == 409
    await ana.post(f"{path}/called", note="she confirmed")
    assert ana.status == 400  # did not say that it was the number on file
    await sol.post(f"{path}/called", note="she confirmed", on_file="yes")
    await ana.post(f"{path}/approve")
    assert ana.status == 403
    await sol.post(f"{path}/approve")
    assert sol.status == 403
    html = await vera.post(f"{path}/approve")
    assert "payouts rest" in html
    assert "••4471" in html
    sol_html = await sol.get("/console/payouts")
    assert "the hold still runs" in sol_html
    assert "Nothing may be paid" in await sol.post("/console/payouts/batches")


async def test_the_page_says_whom_nobody_could_tell(house: World):
    await add_staff(house.store, "Vera", "supervisor")
    ana, vera = await house.agent(), await house.visitor("vera@larkmoor.example")
    wanted = {**CHANGE, "kind": "email", "address": "imelda@new.example", "last4": ""}
    html = await ana.post("/console/changes", **wanted)
    assert "are written to" in html
    assert "Not told" not in html
    (change,) = house.store.read_now(destinations.open_ones)
    await ana.post(f"/console/changes/{change.id}/called", note="she confirmed", on_file="yes")
    now = house.clock.now()
    await house.store.run(lambda tx: contacts.suppress(tx, MAIL, now, reason="invalid"))
    html = await vera.post(f"/console/changes/{change.id}/approve")
    assert "are written to" not in html
    assert "Not every contact could be told" in html
    assert f"Approved: {MAIL.value}: messages to this address do not arrive" in re.sub("<[^>]*>", "", html)
    assert PHONE.value not in re.sub("<[^>]*>", "", html).partition("Decided")[2]  # that one was told
    (talk,) = [e for e in house.store.read_now(lambda tx: told_events(tx)) if e["stream"] != "security"]
    line = await vera.get(f"/console/conversations/{talk['stream']}")
    assert f"A notice could not be sent: {MAIL.value}" in line


async def test_a_full_number_is_refused_and_not_shown_again(house: World):
    ana = await house.agent()
    html = await ana.post("/console/changes", **{**CHANGE, "last4": "000123456789"})
    assert ana.status == 400
    assert "last four digits only" in html
    assert "000123456789" not in html
    for wrong in ({"kind": "name"}, {"case": "x"}, {"author": "A-404"}, {"case": "99999"}):
        await ana.post("/console/changes", **{**CHANGE, **wrong})
        assert ana.status in (400, 404)
    assert house.store.read_now(destinations.open_ones) == []


async def test_refusing_wants_a_reason(house: World):
    ana = await house.agent()
    await ana.post("/console/changes", **CHANGE)
    key = re.search(r"/console/changes/(\w+)/refuse", await ana.get("/console/changes")).group(1)
    await ana.post(f"/console/changes/{key}/refuse", reason="")
    assert ana.status == 400
    assert "Everything stays as it was" in await ana.post(f"/console/changes/{key}/refuse", reason="not the author")


def link(html: str, words: str) -> str:
    return unescape(re.search(rf'href="([^"]*)">{words}', html).group(1))


async def test_from_the_authors_message_to_the_consent(house: World):
    talk, message = await house.hear("yes, use my royalties for INV-801")
    ana = await house.agent()
    html = await ana.get(f"/console/conversations/{talk}")
    assert html.count("Use as consent") == 1
    await ana.get(link(html, "Use as consent"))
    form = ana.form("/console/setoffs")
    assert (form["author"], form["message"]) == ("A-3307", message)
    await ana.post("/console/setoffs", **{**form, "invoice": "INV-801", "amount": "50.00"})
    assert ana.status == 200
    assert [x.message_id for x in house.store.read_now(setoff.open_ones)] == [message]
    await ana.get(link(html, "Record the consent"))
    assert ana.form("/console/setoffs")["author"] == "A-3307"


async def test_a_message_that_cannot_be_consent_has_no_such_link(house: World):
    talk, _ = await house.hear("yes, use my royalties for INV-801", proof=SenderProof.NONE)
    ana = await house.agent()
    assert "Use as consent" not in await ana.get(f"/console/conversations/{talk}")
    talk, _ = await house.hear("hello", sender=ContactPoint("email", "stranger@x.example"))
    assert "Use as consent" not in await ana.get(f"/console/conversations/{talk}")


async def test_from_a_case_to_the_change(house: World):
    talk, _ = await house.hear("I have a new bank")
    ana = await house.agent()
    await ana.get(link(await ana.get(f"/console/conversations/{talk}"), "Write down the change"))
    form = ana.form("/console/changes")
    assert (form["author"], form["case"]) == ("A-3307", "1")
    await ana.post("/console/changes", **{**form, "kind": "payout", "method": "bank", "last4": "4471"})
    assert [(c.case, c.conversation_id) for c in house.store.read_now(destinations.open_ones)] == [(1, talk)]


async def test_other_cases_lead_to_no_change(house: World):
    talk, _ = await house.hear("I was charged twice")
    ana = await house.agent()
    assert "Write down the change" not in await ana.get(f"/console/conversations/{talk}")


async def test_a_set_off_takes_the_authors_words_and_two_people(house: World):
    _, message = await house.hear("yes, use my royalties for INV-801")
    ana, sol = await house.agent(), await house.supervisor()
    wanted = {"author": "A-3307", "invoice": "INV-801", "amount": "50.00"}
    await ana.post("/console/setoffs", message="nonsense", **wanted)
    assert ana.status == 400
    await ana.post("/console/setoffs", message=message, **{**wanted, "amount": "lots"})
    assert ana.status == 400
    html = await ana.post("/console/setoffs", message=message, **wanted)
    assert "use my royalties for INV-801" in html
    key = re.search(r"/console/setoffs/(\w+)/apply", await sol.get("/console/changes")).group(1)
    await ana.post(f"/console/setoffs/{key}/apply")
    assert ana.status == 403
    assert "used for the invoice" in await sol.post(f"/console/setoffs/{key}/apply")


async def test_where_nobody_speaks_of_royalties_no_message_is_offered_as_consent(house: World):
    talk, _ = await house.hear("you charged me twice for INV-801")
    assert "Use as consent" not in await (await house.agent()).get(f"/console/conversations/{talk}")
