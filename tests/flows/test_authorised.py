"""People with an authorisation hear what its scope covers, after a code to their own address, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from inbox import authorisations
from inbox import contacts as people
from inbox.accounts.base import Account, AccountRef, Invoice
from inbox.authorisations import Proposal
from inbox.clock import SetClock
from inbox.db.identity import merges
from inbox.db.store import Store
from inbox.db.tables import contacts, decisions, handoffs, messages, suppressions
from inbox.db.tables import events as event_table
from inbox.disclosure import parties
from inbox.disclosure.parties import Authority, Scope
from inbox.escalation import posting
from inbox.intents import catalog
from inbox.intents.reader import CatalogReader
from inbox.intents.understanding import Finding
from inbox.message import ContactPoint, Route, SenderProof
from tests.world import ILSE, MARA, World, make_world, money

JO = ContactPoint("email", "jo@agency.example")
ALL = Scope(intents=("account_balance", "amount_due", "payment_status"))
THIRD = Finding(
    guard="third_party.relation", route=Route.VERIFY_FIRST, reason="asks about another person's account", case_reason="third_party"
)  # fmt: skip


def proposal(now: datetime, ref: AccountRef = MARA.ref, **more: Any) -> Proposal:
    whole: dict[str, Any] = {
        "ref": ref, "person": "Jo Okafor", "relation": "assistant", "point": JO, "scope": ALL, "evidence": "signed letter",
        "called_back": "••0101", "starts_at": now, **more,
    }  # fmt: skip
    return Proposal(**whole)


async def authorised(world: World, ref: AccountRef = MARA.ref, **more: Any) -> Authority:
    now = world.clock.now()
    found = await world.store.run(lambda tx: authorisations.propose(tx, proposal(now, ref, **more), "noor", now))
    return await world.store.run(lambda tx: authorisations.approve(tx, found.id, "sanjay", now))


async def jo_says(world: World, text: str, **more: Any) -> None:
    await world.says(text, **{"by": None, "channel": "email", "point": JO, "proof": SenderProof.DMARC_PASS, **more})


def to_jo(world: World) -> list[str]:
    return [m.text for m in world.messages() if m.to == JO]


def ask(world: World, text: str = "what does Mara owe?", *intents: str, **more: Any) -> str:
    more = {"route": Route.VERIFY_FIRST, "finding": THIRD, **more}
    return world.reader.teach(text, *(intents or ("account_balance",)), **more)


async def test_an_assistant_hears_the_balance_after_a_code_to_their_own_address(world: World) -> None:
    found = await authorised(world)
    await jo_says(world, ask(world))
    assert "200.00" not in " ".join(world.heard())
    assert [m.to for m in world.messages()] == [JO]
    await jo_says(world, world.code())
    assert "200.00" in to_jo(world)[-1]
    assert "You are authorized to hear about this account" in to_jo(world)[-1]
    assert MARA.email not in " ".join(to_jo(world))
    assert MARA.phone not in " ".join(to_jo(world))
    record = json.loads(world.rows(decisions)[-1]["record"])
    assert record["authority"] == found.words
    decided = [json.loads(e["data"]) for e in world.rows(event_table, type="message.decided")][-1]
    assert (decided["authority"], decided["account"]) == (found.id, "A-100")


async def test_the_assistant_never_becomes_the_author(world: World) -> None:
    await authorised(world)
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    assert not [c for c in world.rows(contacts) if c["account_id"] == "A-100"]
    await world.says(world.reader.teach("what is due?", "amount_due"), channel="sms")
    assert "100.00" in world.last()
    talks = {m.conversation_id for m in world.messages()}
    assert len(talks) == 2


async def test_a_code_of_the_author_that_was_passed_on_makes_nobody_the_author(world: World) -> None:
    """Jo names Mara's mail as on file, Mara hands her the code: that holds for this conversation, the address stays Jo's."""
    await authorised(world)
    await jo_says(world, world.reader.teach("what is the balance?", "account_balance"), proof=SenderProof.NONE)
    await jo_says(world, world.reader.teach(f"on file is {MARA.email}", emails=(MARA.email,)), proof=SenderProof.NONE)
    assert world.messages()[-2].to.value == MARA.email
    await jo_says(world, world.code(), proof=SenderProof.NONE)
    assert not world.rows(merges)
    assert not [c for c in world.rows(contacts) if c["account_id"]]
    world.clock.tick(31 * 60)
    mark = len(world.messages())
    await jo_says(world, world.reader.teach("and the royalties?", "royalty_balance"))
    assert "120.00" not in " ".join(m.text for m in world.messages()[mark:])


async def test_nor_does_one_that_they_give_from_another_address_of_theirs(world: World) -> None:
    await authorised(world)
    await jo_says(world, world.reader.teach("hello", "greeting"))
    phone, now = ContactPoint("phone", "+12125550888"), world.clock.now()
    jo = (await world.store.read(lambda tx: people.by_point(tx, JO))) or pytest.fail("nobody wrote")
    await world.store.run(lambda tx: people.add_point(tx, jo.id, phone, now))
    from_there: dict[str, Any] = {"by": None, "channel": "sms", "point": phone, "proof": SenderProof.CARRIER}
    await world.says(world.reader.teach("what is the balance?", "account_balance"), **from_there)
    await world.says(world.reader.teach(f"on file is {MARA.email}", emails=(MARA.email,)), **from_there)
    await world.says(world.code(), **from_there)
    assert "200.00" in world.last()
    assert not world.rows(merges)


@pytest.mark.parametrize(("intent", "secret"), [
    ("royalty_balance", "120.00"), ("royalty_withdrawal", "120.00"), ("payment_plan", "100.00"), ("promise_to_pay", "100.00"),
    ("update_payment_method", "7318"), ("invoice_copy", "INV-900"),
])  # fmt: skip
async def test_what_the_scope_does_not_name_is_refused_and_recorded(world: World, intent: str, secret: str) -> None:
    await authorised(world)
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    await jo_says(world, world.reader.teach("and more?", intent, dates=(date(2026, 3, 16),), invoice_ids=("INV-900",)))
    assert "does not cover that" in to_jo(world)[-1]
    assert secret not in to_jo(world)[-1]
    listed = world.rows(event_table, stream="security", type="security.authority_exceeded")
    assert len(listed) == 1
    assert intent in json.loads(listed[0]["data"])["why"]


async def test_a_plan_is_not_changed_for_an_authorised_person(world: World) -> None:
    await authorised(world, scope=replace(ALL, intents=(*ALL.intents, "payment_plan")))
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    await jo_says(world, world.reader.teach("the parts", "payment_plan", invoice_ids=("INV-900",)))
    assert "100.00" in to_jo(world)[-1]
    await jo_says(world, world.reader.teach("move it", "payment_plan", wishes=("move",), dates=(date(2026, 4, 9),)))
    assert "does not cover that" in to_jo(world)[-1]


@pytest.mark.parametrize(("text", "preface"), [
    ("Hello, I am the assistant of Mara Lindqvist. What is her balance?", "You are authorized"),
    ("Hola, soy la asistente de Mara Lindqvist. ¿Cuál es su saldo?", "Usted tiene autorización"),
    ("Olá, sou a assistente da Mara Lindqvist. Qual é o saldo dela?", "Você tem autorização"),
])  # fmt: skip
async def test_the_products_own_reader_leads_there_in_each_language(world: World, text: str, preface: str) -> None:
    world.reader.read = CatalogReader(catalog.load()).read  # type: ignore[method-assign]  # that is the point
    await authorised(world)
    await jo_says(world, text)
    assert "200" not in " ".join(to_jo(world)).replace(world.code(), "")
    await jo_says(world, world.code())
    assert preface in to_jo(world)[-1]
    assert "200" in to_jo(world)[-1]
    await world.says(text, by=None, channel="email")
    assert "200" not in world.last()


async def test_documents_do_not_go_elsewhere_for_an_authorised_person_either(world: World) -> None:
    await authorised(world, scope=replace(ALL, intents=(*ALL.intents, "invoice_copy")))
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    elsewhere = Finding(
        guard="documents.elsewhere", route=Route.VERIFY_FIRST, reason="to another address", case_reason="third_party"
    )
    text = world.reader.teach(
        "send it to my bookkeeper",
        "invoice_copy",
        route=Route.VERIFY_FIRST,
        finding=elsewhere,
        invoice_ids=("INV-900",),
    )
    await jo_says(world, text)
    assert "only with the person it belongs to" in to_jo(world)[-1]


async def test_an_invoice_goes_to_the_authorised_persons_own_address(world: World) -> None:
    await authorised(world, scope=replace(ALL, intents=(*ALL.intents, "invoice_copy")))
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    mark = len(world.messages())
    await jo_says(world, ask(world, "the invoice please", "invoice_copy", invoice_ids=("INV-900",)))
    assert {m.to for m in world.messages()[mark:]} == {JO}
    assert "INV-900" in to_jo(world)[-1]


async def test_a_change_of_payout_is_refused_to_an_authorised_person_too(world: World) -> None:
    await authorised(world)
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    finding = Finding(
        guard="payout.destination", route=Route.VERIFY_FIRST, reason="new bank", case_reason="payout_destination_change"
    )
    await jo_says(
        world, world.reader.teach("pay it to my bank", "royalty_withdrawal", route=Route.VERIFY_FIRST, finding=finding)
    )
    assert not world.rows(handoffs)
    assert "nothing was changed" in to_jo(world)[-1]


async def test_without_an_authorisation_the_same_mail_is_declined(world: World) -> None:
    await jo_says(world, ask(world))
    assert "only with the person it belongs to" in to_jo(world)[-1]
    assert [e["type"] for e in world.rows(event_table, stream="security")] == [
        "security.third_party_disclosure_attempt"
    ]


async def test_from_another_address_or_a_forged_mail_the_authorisation_is_worth_nothing(world: World) -> None:
    await authorised(world)
    await jo_says(world, ask(world), proof=SenderProof.DMARC_FAIL)
    await jo_says(world, ask(world), point=ContactPoint("email", "jo@elsewhere.example"))
    assert all("only with the person it belongs to" in text for text in world.heard())


async def test_a_proposal_opens_nothing(world: World) -> None:
    now = world.clock.now()
    await world.store.run(lambda tx: authorisations.propose(tx, proposal(now), "noor", now))
    await jo_says(world, ask(world))
    assert "only with the person it belongs to" in to_jo(world)[-1]


async def test_a_revocation_counts_in_the_middle_of_a_conversation(world: World) -> None:
    found = await authorised(world)
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    now = world.clock.now()
    await world.store.run(lambda tx: authorisations.revoke(tx, found.id, "sanjay", "the author asked", now))
    await jo_says(world, ask(world))
    assert "200.00" not in to_jo(world)[-1]


async def test_it_begins_and_ends_when_it_says(world: World) -> None:
    now = world.clock.now()
    await authorised(world, starts_at=now + timedelta(hours=1), ends_at=now + timedelta(hours=3))
    await jo_says(world, ask(world))
    assert "only with the person" in to_jo(world)[-1]
    world.clock.tick(3_600)
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    assert "200.00" in to_jo(world)[-1]
    world.clock.tick(7_200)
    await jo_says(world, ask(world))
    assert "200.00" not in to_jo(world)[-1]


async def test_half_an_hour_of_silence_needs_a_new_code(world: World) -> None:
    await authorised(world)
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    world.clock.tick(31 * 60)
    await jo_says(world, ask(world))
    assert "200.00" not in to_jo(world)[-1]
    await jo_says(world, world.code())
    assert "200.00" in to_jo(world)[-1]


async def test_without_amounts_a_payment_is_told_but_not_how_much(world: World) -> None:
    await authorised(world, scope=Scope(intents=("payment_status",), money=False))
    await jo_says(world, ask(world, "did it arrive?", "payment_status"))
    await jo_says(world, world.code())
    assert "64.00" not in " ".join(to_jo(world))
    assert "Yes, payment" in to_jo(world)[-1]


async def test_an_agent_of_two_authors_says_whose_account_is_meant(world: World) -> None:
    await authorised(world)
    await authorised(world, ILSE.ref)
    await jo_says(world, ask(world, "what is the balance?"))
    await jo_says(world, world.code())
    assert "more than one account" in to_jo(world)[-1]
    assert not any(
        secret in " ".join(to_jo(world)) for secret in ("200.00", "777.70", "Mara", "Ilse", "Orchard", "Ferry")
    )
    await jo_says(world, ask(world, "what is owed for Ferry Weather?"))
    assert "777.70" in to_jo(world)[-1]
    assert "200.00" not in to_jo(world)[-1]
    await jo_says(world, ask(world, "once more the balance"))
    assert "777.70" in to_jo(world)[-1]


async def test_an_authorised_person_may_ask_from_the_chat_with_a_code_to_the_recorded_address(world: World) -> None:
    await authorised(world)
    await world.says(ask(world, "the balance?", route=Route.ANSWER, finding=None), by=None, channel="chat")
    await world.says(world.reader.teach(f"I am {JO.value}", emails=(JO.value,)), by=None, channel="chat")
    assert to_jo(world)
    await world.says(world.code(), by=None, channel="chat")
    assert "200.00" in world.last()
    assert not [c for c in world.rows(contacts) if c["account_id"]]


async def test_a_dispute_of_an_authorised_person_reaches_a_person_with_the_authority(world: World) -> None:
    found = await authorised(world)
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    await jo_says(world, ask(world, "she was charged twice", "double_charge"))
    [case] = world.rows(handoffs)
    assert found.words in json.loads(case["facts"])["proof"]


async def test_an_opt_out_of_an_authorised_person_stops_their_address_only(world: World) -> None:
    await authorised(world)
    await jo_says(world, world.reader.teach("no more mails", "opt_out"))
    assert [(row["kind"], row["value"]) for row in world.rows(suppressions)] == [("email", JO.value)]


# -- titles


def of_titles() -> Account:
    def invoice(key: str, description: str, left: str) -> Invoice:
        return Invoice(
            id=key, description=description, issued_on=date(2026, 1, 5), due_on=date(2026, 6, 5), total=money(left),
            paid=money("0.00"), balance=money(left), status="open",
        )  # fmt: skip

    return replace(
        MARA, titles=("The Tin Orchard", "Salt Roads"), plans=(), payments=(), refunds=(), outstanding=money("111.00"),
        invoices=(
            invoice("INV-1", "Cover of The Tin Orchard", "10.00"), invoice("INV-2", "Editing: Salt Roads", "100.00"),
            invoice("INV-3", "Author site", "1.00"),
        ),
    )  # fmt: skip


async def test_a_scope_over_one_title_hears_of_that_title_alone(store: Store, clock: SetClock) -> None:
    world = await make_world(store, clock, of_titles())
    await authorised(world, scope=replace(ALL, titles=("Salt Roads",)))
    await jo_says(world, ask(world))
    await jo_says(world, world.code())
    said = to_jo(world)[-1]
    assert "100.00" in said
    assert not any(other in said for other in ("111.00", "10.00 ", "Orchard", "INV-1", "INV-3", "Author site"))


def test_the_party_map_tells_who_may_hear_about_which_title() -> None:
    now = datetime(2026, 3, 11, 15, 0, tzinfo=MARA.as_of.tzinfo)
    whole = of_titles()

    def authority(key: str, titles: tuple[str, ...], status: Any = "approved") -> Authority:
        return Authority(
            id=key, ref=whole.ref, person=key, relation="agent", point=JO, scope=replace(ALL, titles=titles), starts_at=now,
            ends_at=None, status=status, recorded_by="a", approved_by="b",
        )  # fmt: skip

    found = parties.party_map(
        whole, [authority("all", ()), authority("salt", ("SALT ROADS",)), authority("gone", (), "revoked")], now
    )
    assert {title: [h.authority for h in hearers] for title, hearers in found.items()} == {
        "The Tin Orchard": ["all"], "Salt Roads": ["all", "salt"], "": ["all"],
    }  # fmt: skip


def test_a_view_holds_nothing_of_the_authors_own() -> None:
    now = MARA.as_of
    authority = Authority(
        id="x", ref=MARA.ref, person="Jo", relation="agent", point=JO, scope=ALL, starts_at=now, ends_at=None, status="approved",
        recorded_by="a", approved_by="b",
    )  # fmt: skip
    seen = parties.view(MARA, authority)
    assert seen.points() == (JO,)
    text = repr(seen)
    assert not any(own in text for own in (MARA.email, MARA.phone, MARA.name, "bank ••5093", "pm_1"))


async def test_nothing_of_a_refused_code_lands_in_the_messages(world: World) -> None:
    await authorised(world)
    await jo_says(world, ask(world))
    await jo_says(world, "000000" if world.code() != "000000" else "111111")
    assert "200.00" not in " ".join(row["text"] for row in world.rows(messages))


async def test_the_card_tells_who_else_may_hear(world: World) -> None:
    await authorised(world)
    gone = await authorised(world, person="Old Agent", point=ContactPoint("email", "old@agency.example"))
    await world.store.run(lambda tx: authorisations.revoke(tx, gone.id, "vera", "she asked", world.clock.now()))
    dispute = world.reader.teach("give me my money back", "refund_request", route=Route.ESCALATE)
    await world.says(dispute, by=MARA)
    [case] = world.rows(handoffs)
    card = world.store.read_now(lambda tx: posting.card_of(tx, world.house, case["number"], world.clock.now()))
    [line] = [line for line in card.who if line.label == "May also hear"]
    assert line.value == "Jo Okafor (assistant): account balance, amount due, payment status"
    assert Scope(intents=("invoice_copy",), titles=("Tides",), money=False).words == "invoice copy of Tides; no amounts"
