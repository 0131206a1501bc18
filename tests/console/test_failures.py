"""What waits for somebody: parked work, unreadable messages, replies that did not arrive. Each can be put right."""

from __future__ import annotations

import sqlalchemy as sa

from inbox import contacts, delivery, events, jobs
from inbox.db.store import Sql
from inbox.db.tables import attempts, messages
from inbox.errors import Permanent, Uncertain
from inbox.message import Receipt
from tests.console.world import PHONE, World

_ATTEMPTS = Sql(sa.select(attempts).order_by(attempts.c.n))
_OUT = Sql(sa.select(messages).where(messages.c.direction == "outbound").order_by(messages.c.id))


class Line:
    """A provider that fails as it is told, once."""

    name = "sms"

    def __init__(self, error=None):
        self.error, self.sent = error, []

    async def send(self, message):
        if self.error:
            error, self.error = self.error, None
            raise error
        self.sent.append(message)
        return Receipt(provider_id=f"P{len(self.sent)}")

    async def find_sent(self, message):
        from inbox.errors import Unsupported

        raise Unsupported


async def deliver(world: World, line: Line, lane: str = "deliver:sms") -> None:
    work = delivery.Deliveries(world.store, world.house, line, world.clock)

    def begin(tx):
        return work.begin(tx, jobs.claim(tx, lane, world.clock.now())[0], world.clock.now())

    await work.run(await world.store.run(begin))


async def test_nothing_is_wrong(world: World):
    assert "Everything went through" in await (await world.agent()).get("/console/failures")


async def test_a_failed_reply_is_sent_again(both: World):
    talk, _ = await both.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    await deliver(both, Line(Permanent("the gateway said no", code="30008")))
    ana = await both.agent()
    html = await ana.get("/console/failures")
    assert "the gateway said no" in html
    key = (await both.store.read(lambda tx: tx.all(_OUT)))[0]["id"]
    html = await ana.post(f"/console/failures/messages/{key}/retry")
    assert "on its way again" in html
    assert "the gateway said no" not in html
    line = Line()
    await deliver(both, line)
    assert [m.id for m in line.sent] == [key]
    tried = await both.store.read(lambda tx: tx.all(_ATTEMPTS))
    assert [(a["n"], a["outcome"]) for a in tried] == [(1, "permanent"), (2, "sent")]
    kinds = [e.type for e in await both.store.read(lambda tx: list(events.read(tx, talk)))]
    assert "message.retried" in kinds


async def test_one_that_may_have_arrived_needs_a_second_look(world: World):
    await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    await deliver(world, Line(Uncertain("the line broke")))
    world.clock.tick(30)
    await deliver(world, Line())  # it cannot be asked: a person decides
    ana = await world.agent()
    html = await ana.get("/console/failures")
    assert "May have arrived" in html
    key = (await world.store.read(lambda tx: tx.all(_OUT)))[0]["id"]
    html = await ana.post(f"/console/failures/messages/{key}/retry")
    assert "the author gets it twice" in html
    assert (await world.store.read(lambda tx: tx.all(_OUT)))[0]["status"] == "uncertain"
    await ana.post(f"/console/failures/messages/{key}/retry", sure="yes")
    line = Line()
    await deliver(world, line)
    assert len(line.sent) == 1


async def test_what_arrived_or_must_not_be_sent_is_not_sent_again(world: World):
    await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    key = (await world.store.read(lambda tx: tx.all(_OUT)))[0]["id"]
    ana = await world.agent()
    assert "on its way or arrived already" in await ana.post(f"/console/failures/messages/{key}/retry")
    assert ana.status == 409
    await deliver(world, Line(Permanent("opted out", code="21610")))
    assert "opted out of texts" in await ana.post(f"/console/failures/messages/{key}/retry")
    assert await world.store.read(lambda tx: contacts.suppression(tx, PHONE)) == "opt_out"
    await ana.post("/console/failures/messages/01NOSUCH/retry")
    assert ana.status == 404
    assert await world.store.read(jobs.depth) == {}


async def test_two_clicks_send_once(world: World):
    await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    await deliver(world, Line(Permanent("no", code="30008")))
    key, ana = (await world.store.read(lambda tx: tx.all(_OUT)))[0]["id"], await world.agent()
    await ana.post(f"/console/failures/messages/{key}/retry")
    await ana.post(f"/console/failures/messages/{key}/retry")
    assert ana.status == 409
    assert (await world.store.read(jobs.depth))["deliver:sms"][0] == 1


async def test_parked_work_is_tried_again(both: World):
    await both.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    work = delivery.Deliveries(both.store, both.house, Line(), both.clock)

    def park(tx):
        job = jobs.claim(tx, "deliver:sms", both.clock.now())[0]
        work.begin(tx, job, both.clock.now())
        jobs.park(tx, job, both.clock.now(), "KeyError: 'code_id' with card 4242")
        return job.id

    key = await both.store.run(park)
    ana = await both.agent()
    html = await ana.get("/console/failures")
    assert "KeyError: &#39;code_id&#39;" in html
    assert "queued again" in await ana.post(f"/console/failures/jobs/{key}/retry")
    await ana.post(f"/console/failures/jobs/{key}/retry")
    assert ana.status == 404
    await deliver(both, Line())  # begins a second attempt beside the interrupted one


async def test_an_unreadable_message_is_shown_masked_and_settled_once(both: World):
    await both.intake.quarantine("email", "q-1", b"<b>card 4242 4242 4242 4242</b>", "the mail has no sender")
    ana = await both.agent()
    html = await ana.get("/console/failures")
    assert "the mail has no sender" in html
    assert "&lt;b&gt;card [Visa card •••• 4242]&lt;/b&gt;" in html
    action = next(a for a in _actions(html) if "/quarantine/" in a)
    assert "Marked as dealt with." in await ana.post(action)
    assert "the mail has no sender" not in ana.last
    await ana.post(action)
    assert ana.status == 404


def _actions(html):
    from tests.console.world import forms_of

    return list(forms_of(html))


async def test_work_that_waits_for_another_system_is_shown_and_nothing_needs_doing(both: World):
    def fail(tx):
        for job in jobs.claim(tx, "crm", both.clock.now()):
            jobs.retry(tx, job, both.clock.now(), "Salesforce cannot be reached", wait=1.0)

    await both.store.run(lambda tx: jobs.enqueue(tx, "crm", "crm.write", "crm:1", both.clock.now()))
    for _ in range(3):
        assert "Everything went through" in await (await both.agent()).get("/console/failures")
        await both.store.run(fail)
        both.clock.tick(60)
    html = await (await both.agent()).get("/console/failures")
    assert "Work that waits for another system" in html
    assert "Salesforce cannot be reached" in html
    assert "Everything went through" not in html
