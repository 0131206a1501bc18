"""What the bot may agree to about a plan: read back first, booked after a yes, beyond the limits a person's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.accounts import booking, ledger
from inbox.accounts.base import Account, Promise
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.db.tables import events, handoffs, holds
from inbox.deciding.plans import monthly, parts_named
from tests.world import MARA, World, make_world, money

PLAN = MARA.plans[0]
LATE_PLAN = replace(
    PLAN,
    instalments=(
        PLAN.instalments[0],
        replace(PLAN.instalments[1], due_on=date(2026, 3, 5), amount=money("100.01"), status="failed"),
        replace(PLAN.instalments[2], amount=money("99.99")),
    ),
)
LATE = replace(MARA, plans=(LATE_PLAN,))


@pytest.fixture
async def late(store: Store, clock: SetClock) -> World:
    return await make_world(store, clock, LATE)


def account(world: World) -> Account:
    return world.store.read_now(lambda tx: ledger.load(tx, MARA.ref, world.clock.now()))


def split(world: World, text: str = "can I pay it in two halves?", *dates: date) -> str:
    return world.reader.teach(text, "payment_plan", wishes=("split",), dates=dates)


def yes(world: World) -> str:
    return world.reader.teach("yes, book it", "payment_plan", answer="yes")


async def test_a_past_due_amount_is_split_after_a_yes_and_the_total_stays(late: World) -> None:
    await late.says(split(late), channel="chat", by=LATE)
    assert "$50.01" in late.last()
    assert "$50.00" in late.last()
    assert not late.rows(events, type="plan.split")  # read back, not booked
    await late.says(yes(late), channel="chat", by=LATE)
    assert len(late.rows(events, type="plan.split")) == 1
    (plan,) = account(late).plans
    assert [str(i.amount) for i in plan.left] == ["50.01", "50.00", "99.99"]
    assert plan.left[0].due_on == date(2026, 3, 18)
    assert account(late).outstanding == money("200.00")
    assert late.rows(holds)[0]["reason"] == "promise_running"


async def test_the_days_an_author_names_are_taken(late: World) -> None:
    await late.says(
        split(late, "in two, the 20th and April 20", date(2026, 3, 20), date(2026, 4, 20)), channel="chat", by=LATE
    )
    await late.says(yes(late), channel="chat", by=LATE)
    assert [i.due_on for i in account(late).plans[0].left][:2] == [date(2026, 3, 20), date(2026, 4, 20)]


async def test_a_no_changes_nothing(late: World) -> None:
    await late.says(split(late), channel="chat", by=LATE)
    await late.says(late.reader.teach("no thanks", "payment_plan", answer="no"), channel="chat", by=LATE)
    assert "nothing was changed" in late.last()
    assert account(late).plans == LATE.plans


async def test_a_second_yes_books_nothing_twice(late: World) -> None:
    await late.says(split(late), channel="chat", by=LATE)
    await late.says(yes(late), channel="chat", by=LATE)
    await late.says("yes, book it", channel="chat", by=LATE)
    assert len(late.rows(events, type="plan.split")) == 1


async def test_what_was_paid_meanwhile_is_not_booked(late: World) -> None:
    """The amount that was read back is gone: a person looks at it instead."""
    from inbox.accounts.base import Payment

    await late.says(split(late), channel="chat", by=LATE)
    paid = Payment(
        id="P-1",
        on=date(2026, 3, 11),
        amount=money("100.01"),
        method="visa ••1",
        status="succeeded",
        invoice_id="INV-900",
    )
    await late.store.run(lambda tx: booking.record_payment(tx, "A-100", paid, at=late.clock.now()))
    await late.says(yes(late), channel="chat", by=LATE)
    assert not late.rows(events, type="plan.split")
    assert late.rows(handoffs)[0]["reason"] == "plan_change_beyond_authority"


@pytest.mark.parametrize(
    "text",
    ["in 4 payments please", "split it in six parts"],
)
async def test_more_parts_than_the_house_allows_go_to_a_person(late: World, text: str) -> None:
    await late.says(split(late, text), channel="chat", by=LATE)
    case = late.rows(handoffs)[0]
    assert case["reason"] == "plan_change_beyond_authority"
    assert account(late).plans == LATE.plans


async def test_parts_later_than_ninety_days_go_to_a_person(late: World) -> None:
    await late.says(split(late, "two parts", date(2026, 3, 20), date(2026, 6, 20)), channel="chat", by=LATE)
    assert late.rows(handoffs)


async def test_what_is_not_past_due_is_not_split(world: World) -> None:
    await world.says(split(world), channel="chat")
    assert world.rows(handoffs)[0]["reason"] == "plan_change_beyond_authority"


async def test_who_broke_two_promises_talks_to_a_person(store: Store, clock: SetClock) -> None:
    broken = tuple(
        Promise(
            id=f"PR-{n}",
            invoice_id="INV-900",
            amount=money("10.00"),
            on=date(2026, 2, 10 + n),
            status="broken",
            made_on=date(2026, 2, 1),
        )
        for n in (1, 2)
    )
    world = await make_world(store, clock, replace(LATE, promises=broken))
    await world.says(split(world), channel="chat", by=LATE)
    assert world.rows(handoffs)


async def test_on_a_text_message_the_change_waits_for_a_code(late: World) -> None:
    await late.says(split(late), channel="sms", by=LATE)
    assert "50.01" not in " ".join(late.heard())
    await late.says(late.code(), channel="sms", by=LATE)
    assert "$50.01" in late.last()
    await late.says(yes(late), channel="sms", by=LATE)
    assert len(late.rows(events, type="plan.split")) == 1


def move(world: World, text: str, *dates: date, bare: tuple[date, ...] = ()) -> str:
    return world.reader.teach(text, "payment_plan", wishes=("move",), dates=dates, bare_days=bare)


async def test_a_due_day_moves_once(world: World) -> None:
    text = move(
        world,
        "from the 5th to the 12th",
        date(2026, 4, 5),
        date(2026, 3, 12),
        bare=(date(2026, 4, 5), date(2026, 3, 12)),
    )
    await world.says(text, channel="chat")
    assert "April 12" in world.last()
    await world.says(yes(world), channel="chat")
    (plan,) = account(world).plans
    assert [i.due_on for i in plan.left] == [date(2026, 4, 12), date(2026, 6, 12)]
    assert plan.moves == 1
    await world.says(move(world, "now to April 14", date(2026, 4, 14)), channel="chat")
    assert world.rows(handoffs)[0]["reason"] == "plan_change_beyond_authority"


def planned(*due: date) -> Account:
    parts = tuple(replace(PLAN.instalments[1], number=n, due_on=on) for n, on in enumerate(due, 2))
    each = money("200.00").split(len(due))
    parts = tuple(replace(p, amount=a) for p, a in zip(parts, each, strict=True))
    return replace(MARA, plans=(replace(PLAN, instalments=(PLAN.instalments[0], *parts)),))


@pytest.mark.parametrize(
    ("language", "due", "proposed", "changed"),
    [
        ("en", (date(2026, 4, 5),), "", ""),
        ("en", (date(2026, 4, 5), date(2026, 6, 20)), "", ""),  # of another day: it stays
        ("en", (date(2026, 4, 5), date(2026, 6, 5)), "The later payment moves with it, to Friday, June 12, 2026.",
         "The later payment moved with it, to Friday, June 12, 2026. Nothing else changes."),
        ("en", (date(2026, 4, 5), date(2026, 5, 5), date(2026, 6, 5)),
         "The 2 later payments move with it by the same 7 days; the last is then due on Friday, June 12, 2026.",
         "The 2 later payments moved with it by the same 7 days; the last is now due on Friday, June 12, 2026."),
        ("es", (date(2026, 4, 5), date(2026, 6, 5)), "El pago siguiente se mueve también, al viernes 12 de junio de 2026.",
         "El pago siguiente pasa también al viernes 12 de junio de 2026. Lo demás no cambia."),
        ("es", (date(2026, 4, 5), date(2026, 5, 5), date(2026, 6, 5)), "Los 2 pagos siguientes se mueven también 7 días",
         "Los 2 pagos siguientes se movieron también 7 días"),
        ("pt", (date(2026, 4, 5), date(2026, 6, 5)), "O pagamento seguinte também muda, para 12 de junho de 2026 (sexta-feira).",
         "O pagamento seguinte também passou para 12 de junho de 2026 (sexta-feira). O resto não muda."),
        ("pt", (date(2026, 4, 5), date(2026, 5, 5), date(2026, 6, 5)), "Os 2 pagamentos seguintes também mudam em 7 dias",
         "Os 2 pagamentos seguintes também mudaram em 7 dias"),
    ],
)  # fmt: skip
async def test_what_moves_along_is_said_before_the_yes_and_after(
    sqlite_store: Store, clock: SetClock, language: str, due: tuple[date, ...], proposed: str, changed: str
) -> None:
    author = replace(planned(*due), language=language)
    world = await make_world(sqlite_store, clock, author)
    more = {"language": language}
    text = world.reader.teach("please move it", "payment_plan", wishes=("move",), dates=(date(2026, 4, 12),), **more)
    await world.says(text, channel="chat", by=author)
    before = world.last()
    await world.says(world.reader.teach("ok", "payment_plan", answer="yes", **more), channel="chat", by=author)
    after, moved = world.last(), [i.due_on for i in account(world).plans[0].left]
    for said, words in ((before, proposed), (after, changed)):
        assert words in said
        if not words:
            assert "later" not in said
    same_day = [d for d in due if d.day == 5]
    assert moved == sorted(d + timedelta(days=7) if d in same_day else d for d in due)


async def test_a_yes_to_one_moves_no_more_than_was_read_back(sqlite_store: Store, clock: SetClock) -> None:
    world = await make_world(sqlite_store, clock, planned(date(2026, 4, 5)))
    await world.says(move(world, "to the 12th", date(2026, 4, 12)), channel="chat")
    two = planned(date(2026, 4, 5), date(2026, 6, 5)).plans[0]
    await world.store.run(lambda tx: booking.replace_plan(tx, "A-100", two, at=world.clock.now()))
    await world.says(yes(world), channel="chat")
    assert [i.due_on for i in account(world).plans[0].left] == [date(2026, 4, 5), date(2026, 6, 5)]
    assert world.rows(handoffs)[0]["reason"] == "plan_change_beyond_authority"


async def test_without_a_day_one_question_is_asked(world: World) -> None:
    await world.says(move(world, "can you move my due date?"), channel="chat")
    assert "Which day" in world.last()
    answer = world.reader.teach("April 10", "payment_plan", dates=(date(2026, 4, 10),))
    await world.says(answer, channel="chat")
    assert "April 10" in world.last()


@pytest.mark.parametrize("to", [date(2026, 4, 16), date(2026, 3, 10), date(2026, 5, 5)])
async def test_further_than_ten_days_or_into_the_past_is_a_persons(world: World, to: date) -> None:
    await world.says(move(world, "move April please", to), channel="chat")
    assert world.rows(handoffs)


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), st.integers(1, 12))
def test_monthly_days_rise_and_stay_near_the_day(first: date, count: int) -> None:
    days = monthly(first, count)
    assert days[0] == first
    assert len(days) == count
    assert all(timedelta(28) <= after - before <= timedelta(31 + 3) for before, after in pairwise(days))
    assert all(d.day <= first.day for d in days)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("may I do it in two halves", 2), ("in 3 payments", 3), ("half now, half in April", 2), ("en tres pagos", 3),
        ("la mitad hoy y la otra mitad en mayo", 2), ("em 2x", 2), ("dividir em três parcelas", 3), ("em 12 vezes", 12),
        ("can I split it", 0), ("", 0), ("in 99999999 payments", 999), ("one payment", 0),
    ],
)  # fmt: skip
def test_how_many_parts_are_named(text: str, parts: int) -> None:
    assert parts_named(text) == parts
