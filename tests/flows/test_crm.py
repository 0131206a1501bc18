"""What happens here is in the CRM once, masked, in order, and never in anybody's way."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, update

from inbox import jobs
from inbox.crm.filing import LANE
from inbox.db.store import Sql, open_store
from inbox.db.tables import contacts, conversations, crm_records, events, handoffs, messages, parked_jobs
from inbox.db.tables import jobs as queued
from inbox.message import ContactPoint, SenderProof
from inbox.payouts import telling
from tests.emulators.salesforce import Fault
from tests.flows.crm_world import crm_world
from tests.flows.test_cases import TWICE, act, dispute
from tests.world import ILSE, MARA, make_world


@pytest.fixture
async def crm(store, clock):
    async with crm_world(store, clock) as crm:
        yield crm


@pytest.fixture
def mara(crm) -> str:
    """Mara's Contact."""
    return crm.stand_in.put("Contact", FirstName="Mara", LastName="Lindqvist", Email=MARA.email, Phone="(212) 555-0101")


async def test_a_dispute_is_a_case_that_follows_what_people_do_and_ends_in_a_log_entry(crm, mara):
    world = crm.world
    await world.says(dispute(world, f"{TWICE} for INV-901"), channel="chat")
    await crm.files()
    [case] = crm.cases()
    number = world.rows(handoffs)[0]["number"]
    assert case["Subject"] == f"Inbox #{number}: Says the same thing was charged twice"
    assert (case["ContactId"], case["Status"], case["Priority"], case["Origin"]) == (mara, "New", "Medium", "Web")
    assert TWICE in case["Description"]
    assert "INV-901" in case["Description"]
    assert "Mara Lindqvist, account ledger:A-100" in case["Description"]
    conversation = world.rows(handoffs)[0]["conversation_id"]
    assert f"/console/conversations/{conversation}" in case["Description"]

    await act(world, "claim")
    await crm.files()
    assert (crm.cases()[0]["Status"], "With: Noor" in crm.cases()[0]["Description"]) == ("Working", True)
    await act(world, "reply", text="I am looking at both payments.")
    await crm.files()
    assert "First reply by a person: Wed 2026-03-11" in crm.cases()[0]["Description"]
    await act(world, "resolve", outcome="refund")
    await crm.files()
    [case], [task] = crm.cases(), crm.tasks()
    assert (case["Status"], case["IsClosed"]) == ("Closed", True)
    assert "Outcome: refund" in case["Description"]
    assert (task["WhatId"], task["WhoId"], task["Status"], task["ActivityDate"]) == (
        case["Id"],
        mara,
        "Completed",
        "2026-03-11",
    )
    assert "double charge" in task["Subject"]
    assert "1 by the author" in task["Description"]
    assert f"/console/conversations/{conversation}" in task["Description"]
    assert world.rows(queued, lane=LANE) == []


async def test_reopening_shows_in_the_same_case(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    await act(crm.world, "claim")
    await act(crm.world, "resolve", outcome="explained")
    await crm.files()
    await act(crm.world, "reopen", reason="the author objects")
    await crm.files()
    [case] = crm.cases()
    assert (case["Status"], case["IsClosed"]) == ("New", False)
    await act(crm.world, "claim")
    await act(crm.world, "resolve", outcome="credit")
    await crm.files()
    assert len(crm.cases()) == len(crm.tasks()) == 1
    assert "credit" in crm.tasks()[0]["Description"]


async def test_a_conversation_that_the_bot_ended_is_logged_without_a_case(crm, mara):
    world = crm.world
    await world.says(world.reader.teach("when is my next payment?", "amount_due"), channel="chat")
    await crm.files()
    assert crm.tasks() == []
    await world.says(world.reader.teach("thanks!", "thanks"), channel="chat")
    await crm.files()
    [task] = crm.tasks()
    assert (task["WhoId"], task["WhatId"]) == (mara, None)
    assert "amount due" in task["Subject"]
    assert crm.cases() == []


async def test_with_cases_only_a_conversation_is_not_logged(crm, mara):
    world = crm.world
    world.house = world.worker.house = replace(world.house, crm_talks=False)
    world.intake._house = world.house
    await world.says(world.reader.teach("when is my next payment?", "amount_due"), channel="chat")
    await world.says(world.reader.teach("thanks!", "thanks"), channel="chat")
    await crm.files()
    assert crm.tasks() == []


async def test_a_conversation_that_was_made_to_tell_something_is_logged_too(crm, mara):
    world = crm.world
    await world.store.run(lambda tx: telling._conversation(tx, world.house, MARA, "", world.clock.now()))
    await crm.files()
    assert [(t["WhoId"], t["Subject"]) for t in crm.tasks()] == [(mara, "Inbox: a conversation (email), told")]


async def test_what_happens_at_once_is_written_at_once(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    await act(crm.world, "claim")
    await act(crm.world, "reply", text="One moment.", channel="email")
    assert await crm.files() == 1
    assert len(crm.writings()) == 1


async def test_nothing_new_is_nothing_written(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    await crm.files()
    before = len(crm.stand_in.calls)
    await act(crm.world, "note", text="only for us")
    await crm.world.says(dispute(crm.world), channel="email")  # shown in the case's thread, and nothing else
    await crm.files()
    assert len(crm.stand_in.calls) == before
    assert crm.world.rows(queued, lane=LANE) == []


async def test_no_card_number_and_no_code_leaves(crm, mara):
    pan, world = "4111 1111 1111 1111", crm.world
    await world.says(f"{pan}, code 482913: {dispute(world)}", channel="email")
    # Even what came in past the masking: a name, a fact of the case.
    await world.store.run(
        lambda tx: tx.run(
            Sql(update(handoffs).values(facts='{"quote": "card 4111111111111111 pin 482913"}', owner_name=pan))
        )
    )
    await crm.files()
    await act(world, "claim")
    await act(world, "resolve", outcome="other", text=pan)
    await crm.files()
    assert (len(crm.cases()), len(crm.tasks())) == (1, 1)
    sent = repr([(c.path, c.query, c.payload) for c in crm.stand_in.calls])
    for secret in (pan, pan.replace(" ", ""), "482913"):
        assert secret not in sent


# Never twice


async def test_a_worker_that_dies_between_the_call_and_its_receipt_leaves_one_case(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    book = crm.world.worker.crm
    file_case = book.file_case

    async def and_dies(*args: Any, **more: Any) -> None:
        await file_case(*args, **more)
        raise asyncio.CancelledError

    book.file_case = and_dies
    with pytest.raises(asyncio.CancelledError):
        await crm.files()
    book.file_case = file_case
    assert len(crm.cases()) == 1
    assert await crm.files() == 0  # the dead one still holds the job
    crm.world.clock.tick(120)
    assert await crm.files() == 1
    assert len(crm.cases()) == 1
    assert len(crm.writings("Case")) == 2
    assert crm.world.rows(crm_records)[0]["remote_id"] == crm.cases()[0]["Id"]
    assert crm.world.rows(queued, lane=LANE) == []


async def test_a_lost_answer_does_not_double_anything(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    await act(crm.world, "claim")
    await act(crm.world, "resolve", outcome="refund")
    crm.stand_in.faults += [Fault("lost", "/Case/"), Fault("lost", "/Task/"), Fault("expired", "/Task/")]
    for _ in range(4):
        await crm.files()
        crm.world.clock.tick(60)
    assert (len(crm.cases()), len(crm.tasks())) == (1, 1)


async def test_what_changes_during_the_call_is_written_too(crm, mara):
    world = crm.world
    await world.says(dispute(world), channel="email")
    file_case = world.worker.crm.file_case

    async def slowly(*args: Any, **more: Any) -> Any:
        filed = await file_case(*args, **more)
        world.worker.crm.file_case = file_case
        await act(world, "claim")  # lands while the answer is on its way
        await world.store.run(
            lambda tx: tx.run(Sql(delete(queued).where(queued.c.id != running)))
        )  # and queued nothing
        return filed

    world.worker.crm.file_case = slowly
    running = world.rows(queued, lane=LANE)[0]["id"]
    world.clock.tick(2)
    assert await world.worker.run_lane_once(LANE)
    assert len(world.rows(queued, lane=LANE)) == 1
    await crm.files()
    assert crm.cases()[0]["Status"] == "Working"
    assert world.rows(queued, lane=LANE) == []


async def test_a_case_that_was_deleted_there_comes_back_whole(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    await crm.files()
    crm.stand_in.records["Case"][0]["IsDeleted"] = True
    await act(crm.world, "claim")
    await crm.files()
    [case] = crm.cases()
    assert (case["ContactId"], case["Origin"], case["Status"]) == (mara, "Email", "Working")


# Who


async def test_two_people_with_the_address_are_told_of_and_none_is_chosen(crm, mara):
    crm.stand_in.put("Contact", LastName="Lindqvist", Email=MARA.email, Phone=MARA.phone)
    await crm.world.says(dispute(crm.world), channel="email")
    await crm.files()
    await act(crm.world, "claim")
    await crm.files()
    [case] = crm.cases()
    assert case["ContactId"] is None
    assert "2 people here have the author's address" in case["Description"]
    assert case["SuppliedEmail"] == MARA.email


async def test_our_own_id_on_a_contact_tells_which_of_two_it_is(crm, mara):
    hers = crm.stand_in.put("Contact", LastName="Lindqvist", Email=MARA.email, Inbox_Author__c="A-100")
    await crm.world.says(dispute(crm.world), channel="email")
    await crm.files()
    assert crm.cases()[0]["ContactId"] == hers


async def test_a_contact_that_bears_another_authors_id_is_not_linked(crm):
    crm.stand_in.put("Contact", LastName="Somebody", Email=MARA.email, Inbox_Author__c="A-200")
    await crm.world.says(dispute(crm.world), channel="email")
    await crm.files()
    [case] = crm.cases()
    assert case["ContactId"] is None
    assert "Somebody else here has the author's address" in case["Description"]


async def test_a_stranger_is_found_by_what_they_wrote_from(crm):
    theirs = crm.stand_in.put("Contact", LastName="Newcomer", MobilePhone="212.555.0999")
    await crm.world.says(dispute(crm.world), by=None, channel="sms", point=ContactPoint("phone", "+12125550999"))
    await crm.files()
    assert crm.cases()[0]["ContactId"] == theirs
    assert "no account matched" in crm.cases()[0]["Description"]


async def stranger_writes(crm, text: str = "what do I owe?", **more: Any) -> None:
    world = crm.world
    await world.says(
        world.reader.teach(text, "account_balance"), by=None, channel="sms", point=ContactPoint("phone", "+12125550999"),
        proof=SenderProof.CARRIER, **more,
    )  # fmt: skip
    await crm.files()


async def test_an_address_that_only_the_crm_knows_says_who_wrote_and_proves_nothing(crm):
    crm.stand_in.put("Contact", LastName="Lindqvist", MobilePhone="212.555.0999", Inbox_Author__c="A-100")
    world = crm.world
    await stranger_writes(crm)
    assert [c["account_id"] for c in world.rows(contacts) if c["account_id"]] == ["A-100"]
    assert len(world.rows(conversations)) == 1
    assert "contact.recognised" in [e["type"] for e in world.rows(events)]
    await stranger_writes(crm, "how much exactly?")
    assert "200.00" not in " ".join(world.heard())  # what is on the biller's file counts as proof, and this is not
    await world.says(dispute(world), by=None, channel="sms", point=ContactPoint("phone", "+12125550999"))
    await crm.files()
    assert "Mara Lindqvist, account ledger:A-100" in crm.cases()[0]["Description"]


async def test_a_case_that_came_before_the_answer_is_corrected(crm):
    crm.stand_in.put("Contact", LastName="Lindqvist", MobilePhone="212.555.0999", Inbox_Author__c="A-100")
    await crm.world.says(
        dispute(crm.world),
        by=None,
        channel="sms",
        point=ContactPoint("phone", "+12125550999"),
        proof=SenderProof.CARRIER,
    )
    await crm.files()
    await crm.files()
    [case] = crm.cases()
    assert "Mara Lindqvist, account ledger:A-100" in case["Description"]


@pytest.mark.parametrize(
    "people",
    [
        [],
        [{"LastName": "Nobody of ours", "Phone": "+12125550999"}],
        [{"LastName": "Gone", "Phone": "+12125550999", "Inbox_Author__c": "A-404"}],
        [
            {"LastName": "One", "Phone": "+12125550999", "Inbox_Author__c": "A-100"},
            {"LastName": "Two", "Phone": "+12125550999", "Inbox_Author__c": "A-200"},
        ],
        [
            {"LastName": "One", "Phone": "+12125550999", "Inbox_Author__c": "A-100"},
            {"LastName": "Two", "Phone": "+12125550999"},
        ],
    ],
)
async def test_a_stranger_stays_one_where_it_is_not_clear(crm, people):
    for person in people:
        crm.stand_in.put("Contact", **person)
    await stranger_writes(crm)
    assert [c["account_id"] for c in crm.world.rows(contacts)] == [""]
    assert crm.world.rows(queued) == []


async def test_a_strangers_address_is_asked_for_once_a_day(crm):
    for _ in range(3):
        await stranger_writes(crm)
    assert len([c for c in crm.stand_in.calls if "FROM Contact" in c.query]) == 1
    crm.world.clock.tick(86_400)
    await stranger_writes(crm)
    assert len([c for c in crm.stand_in.calls if "FROM Contact" in c.query]) == 2


async def test_a_forged_address_is_not_asked_for(crm):
    await crm.world.says("hello", by=None, channel="email", proof=SenderProof.DMARC_FAIL)
    await crm.files()
    assert crm.stand_in.calls == []


async def test_an_author_who_is_talking_already_is_not_mixed_with_a_stranger(crm, mara):
    crm.stand_in.put("Contact", LastName="Lindqvist", MobilePhone="212.555.0999", Inbox_Author__c="A-100")
    await crm.world.says(dispute(crm.world), channel="email")
    await stranger_writes(crm)
    assert len({c["contact_id"] for c in crm.world.rows(conversations)}) == 2


# In nobody's way


async def test_a_dead_crm_holds_up_nothing_and_is_caught_up_in_order(crm, mara):
    world = crm.world
    url = crm.stand_in.url
    await crm.stand_in.stop()
    await world.says(dispute(world), channel="email")
    await world.says(dispute(world, "you took 777 twice"), by=ILSE, channel="email")
    await act(world, "claim")
    await act(world, "resolve", outcome="refund")
    assert len(world.heard()) >= 2  # the authors were answered
    for _ in range(40):  # hours: far more tries than a job has elsewhere
        await crm.files()
        world.clock.tick(600)
    assert world.rows(parked_jobs) == []
    late = world.store.read_now(lambda tx: jobs.late(tx))
    assert [(row["lane"], row["n"]) for row in late] == [(LANE, 2)]
    assert "cannot be reached" in late[0]["error"]
    assert await crm.stand_in.start(int(url.rpartition(":")[2])) == url
    world.clock.tick(600)
    await crm.files()
    assert len(crm.cases()) == 2
    assert [p.split("/")[5] for p in crm.writings()] in (["Case", "Case", "Task"], ["Case", "Task", "Case"])
    assert {c["Status"] for c in crm.cases()} == {"New", "Closed"}
    assert world.rows(queued, lane=LANE) == []


async def test_out_of_calls_is_waited_out(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    crm.stand_in.calls_left = 0
    for _ in range(20):
        await crm.files()
        crm.world.clock.tick(600)
    assert crm.world.rows(parked_jobs) == []
    crm.stand_in.calls_left = 100
    await crm.files()
    assert len(crm.cases()) == 1


async def test_a_lost_access_is_waited_out_and_shown(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    crm.stand_in.secrets = {"changed there"}
    for _ in range(12):
        await crm.files()
        crm.world.clock.tick(600)
    [late] = crm.world.store.read_now(lambda tx: jobs.late(tx))
    assert "salesforce.client_secrets is wrong" in late["error"]
    crm.stand_in.secrets = {"an-invented-secret"}
    await crm.files()
    assert len(crm.cases()) == 1


async def test_a_refusal_is_parked_for_a_person_and_the_rest_goes_on(crm, mara):
    world = crm.world
    await world.says(dispute(world), channel="email")
    await act(world, "claim")
    await act(world, "resolve", outcome="refund")
    crm.stand_in.faults.append(Fault("FIELD_CUSTOM_VALIDATION_EXCEPTION", "/Case/"))
    await crm.files()
    assert (len(crm.cases()), len(crm.tasks())) == (0, 1)
    [parked] = world.rows(parked_jobs)
    assert "validation rule in Salesforce" in parked["error"]
    await world.store.run(lambda tx: jobs.unpark(tx, parked["id"], world.clock.now()))
    await crm.files()
    assert crm.cases()[0]["Status"] == "Closed"
    assert crm.tasks()[0]["WhatId"] == crm.cases()[0]["Id"]


async def test_a_record_locked_for_good_is_parked_in_the_end(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    crm.stand_in.faults += [Fault("UNABLE_TO_LOCK_ROW", "/Case/")] * 50
    for _ in range(jobs.MAX_ATTEMPTS + 2):
        await crm.files()
        crm.world.clock.tick(1000)
    assert "UNABLE_TO_LOCK_ROW" in crm.world.rows(parked_jobs)[0]["error"]


async def test_without_a_crm_nothing_is_queued_or_kept(store, clock):
    world = await make_world(store, clock)
    await world.says(dispute(world), channel="email")
    await act(world, "claim")
    await act(world, "resolve", outcome="refund")
    assert world.rows(queued) == []
    assert world.rows(crm_records) == []
    assert not [e for e in world.rows(events) if e["type"].startswith("crm.")]


async def test_with_a_crm_the_author_hears_the_same(store, crm):
    world = crm.world
    await world.says(dispute(world), channel="email")
    await world.says(world.reader.teach("when is my next payment?", "amount_due"), channel="email")
    texts = [r["status"] for r in world.rows(messages, direction="outbound")]
    assert texts == ["sent", "sent"]


async def test_the_conversation_remembers_where_it_was_filed(crm, mara):
    await crm.world.says(dispute(crm.world), channel="email")
    await crm.files()
    await act(crm.world, "claim")
    await crm.files()
    [filed] = [e for e in crm.world.rows(events) if e["type"] == "crm.filed"]
    assert crm.cases()[0]["Id"] in filed["data"]


# A real kill


@pytest.mark.slow
async def test_kill_minus_nine_between_the_call_and_its_receipt(sqlite_url, clock):
    """The process is killed when Salesforce has the case and the answer is still on its way."""
    store = open_store(sqlite_url)
    try:
        async with crm_world(store, clock) as crm:
            world, stand_in = crm.world, crm.stand_in
            await world.says(dispute(world), channel="email")
            clock.tick(2)
            stand_in.faults.append(Fault("late", "/Case/"))
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.flows.crm_node", sqlite_url, stand_in.url, clock.now().isoformat()
            )
            async with asyncio.timeout(60):
                while not stand_in.rows("Case"):
                    await asyncio.sleep(0.02)
            child.kill()
            await child.wait()
            assert len(world.rows(queued, lane=LANE)) == 1
            assert world.rows(crm_records) == []
            clock.tick(120)
            assert await crm.files() == 1
            assert len(stand_in.rows("Case")) == 1
            assert world.rows(queued, lane=LANE) == []
    finally:
        await asyncio.to_thread(store.close)
