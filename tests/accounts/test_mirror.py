"""Copies of accounts at another system: kept without loss, tied to one author, honest about how fresh they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from inbox.accounts import compose, known, ledger, mirror, records
from inbox.accounts.base import Account, AccountRef, Doubt
from inbox.accounts.frozen import freeze, thaw
from inbox.db.store import Store
from inbox.errors import Conflict
from tests.accounts.contract import AT, rich_account, second_account, usd

THEIRS = AccountRef("stripe", "cus_9")


def copy(**changes: Any) -> Account:
    return replace(rich_account("stripe"), ref=THEIRS, royalties=None, promises=(), **changes)


async def whole(store: Store, author_id: str) -> Account:
    return await store.read(lambda tx: known.load(tx, AccountRef("ledger", author_id), AT))


async def save(store: Store, account: Account) -> mirror.Saved | None:
    return await store.run(lambda tx: mirror.save(tx, account, AT))


def test_an_account_comes_back_as_it_was() -> None:
    account = replace(rich_account("stripe"), doubt=Doubt("a", "b"), known_as="A-1", billed=frozenset({"x"}))
    assert thaw(freeze(account)) == account
    assert thaw(freeze(second_account("stripe"))) == second_account("stripe")


def test_what_another_version_wrote_more_is_left_out() -> None:
    text = freeze(second_account("stripe"))[:-1] + ',"colour":"red"}'
    assert thaw(text) == second_account("stripe")


async def test_a_new_author_is_made_who_follows_the_source(store: Store) -> None:
    saved = await save(store, copy())
    assert saved is not None
    assert (saved.author_id, saved.before) == ("cus_9", None)
    await save(store, copy(email="new@farrow.example", as_of=AT + timedelta(minutes=1)))
    account = await whole(store, "cus_9")
    assert account.email == "new@farrow.example"
    assert account.billing == THEIRS
    assert account.outstanding == usd("240.00")


async def test_an_earlier_reading_never_replaces_a_later_one(store: Store) -> None:
    await save(store, copy(as_of=AT + timedelta(minutes=5)))
    assert await save(store, copy(as_of=AT, invoices=())) is None
    assert (await whole(store, "cus_9")).outstanding == usd("240.00")


async def test_the_author_that_the_source_names_keeps_their_own_address(store: Store) -> None:
    await store.run(lambda tx: records.account(tx, second_account("ledger"), AT))
    await save(store, copy(known_as="A-901", email="elsewhere@farrow.example"))
    account = await whole(store, "A-901")
    assert (account.email, account.billing) == ("ansel@farrow.example", THEIRS)


async def test_an_import_leaves_the_tie_alone(store: Store) -> None:
    await save(store, copy(known_as="A-901"))
    await store.run(lambda tx: records.account(tx, second_account("ledger"), AT))
    assert (await whole(store, "A-901")).billing == THEIRS


async def test_two_accounts_cannot_be_one_authors(store: Store) -> None:
    await save(store, copy(known_as="A-901"))
    with pytest.raises(Conflict, match="both claim the author A-901"):
        await save(store, replace(copy(known_as="A-901"), ref=AccountRef("stripe", "cus_10")))
    assert (await whole(store, "A-901")).billing == THEIRS


async def test_an_address_that_two_authors_share_ties_nobody(store: Store) -> None:
    for author in ("A-1", "A-2"):
        twin = replace(second_account("ledger"), ref=AccountRef("ledger", author), email="ottoline@farrow.example")
        await store.run(lambda tx, twin=twin: records.account(tx, twin, AT))  # type: ignore[misc]
    saved = await save(store, copy())
    assert saved is not None
    assert saved.author_id == "cus_9"


def of_the_ledger(name: str) -> Account:
    return replace(second_account("ledger"), ref=AccountRef("ledger", "A-1"), name=name, email=copy().email)


@pytest.mark.parametrize(("name", "theirs"), [(rich_account("stripe").name, "A-1"), ("Boris Other", "cus_9")])
async def test_an_address_ties_only_whose_names_agree(store: Store, name: str, theirs: str) -> None:
    await store.run(lambda tx: records.account(tx, of_the_ledger(name), AT))
    saved = await save(store, copy())
    assert saved is not None
    assert saved.author_id == theirs


async def test_an_address_that_several_accounts_there_have_ties_nobody(store: Store) -> None:
    await store.run(lambda tx: records.account(tx, of_the_ledger(copy().name), AT))
    saved = await store.run(lambda tx: mirror.save(tx, copy(), AT, alone=False))
    assert saved is not None
    assert saved.author_id == "cus_9"


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda tx, at: mirror.changed(tx, THEIRS, at), "figures_stale"),
        (lambda tx, at: mirror.failed(tx, THEIRS, at, "it hangs"), "figures_stale"),
        (lambda tx, at: mirror.gone(tx, THEIRS, at), "account_gone"),
    ],
)
async def test_a_copy_in_doubt_says_why_until_it_is_read_again(store: Store, happens: Any, reason: str) -> None:
    await save(store, copy())
    assert (await whole(store, "cus_9")).doubt is None
    await store.run(lambda tx: happens(tx, AT + timedelta(seconds=1)))
    account = await whole(store, "cus_9")
    assert account.doubt is not None
    assert account.doubt.reason == reason
    assert await store.read(lambda tx: mirror.outdated(tx, "stripe", "cus_9", AT, 15)) == THEIRS
    await save(store, copy(as_of=AT + timedelta(seconds=2)))
    assert (await whole(store, "cus_9")).doubt is None


async def test_a_failure_of_an_older_reading_harms_no_newer_one(store: Store) -> None:
    await save(store, copy(as_of=AT + timedelta(minutes=5)))
    await store.run(lambda tx: mirror.failed(tx, THEIRS, AT, "late news"))
    assert (await whole(store, "cus_9")).doubt is None


@pytest.mark.parametrize(("seconds", "old"), [(900, False), (901, True)])
async def test_a_copy_is_old_after_its_minutes(store: Store, seconds: int, *, old: bool) -> None:
    await save(store, copy())
    found = await store.read(lambda tx: mirror.outdated(tx, "stripe", "cus_9", AT + timedelta(seconds=seconds), 15))
    assert (found is not None) is old


async def test_what_the_inbox_itself_keeps_is_changed_as_for_any_author(store: Store) -> None:
    from inbox.accounts import changes

    await save(store, copy())
    promise = rich_account("ledger").promises[0]
    await store.run(lambda tx: changes.save_promise(tx, "cus_9", promise, at=AT))
    await store.run(lambda tx: changes.set_flag(tx, "cus_9", "hardship", at=AT))
    account = await whole(store, "cus_9")
    assert (account.promises, "hardship" in account.flags) == ((promise,), True)


async def test_without_another_system_the_account_is_the_ledgers(store: Store) -> None:
    await store.run(lambda tx: records.account(tx, rich_account("ledger"), AT))
    ref = AccountRef("ledger", "A-900")
    assert await whole(store, "A-900") == await store.read(lambda tx: ledger.load(tx, ref, AT))


# --- who is the truth for what ------------------------------------------------------------------------------------------


def test_each_part_comes_from_who_is_the_truth_for_it() -> None:
    local, told = rich_account("ledger"), copy(payment_methods=(), name="Otty")
    both = compose.compose(local, told)
    assert (both.name, both.royalties, both.promises) == (local.name, local.royalties, local.promises)
    assert both.payment_methods == local.payment_methods
    assert both.outstanding == usd("240.00")  # the invoice that both have counts once
    assert both.doubt is None
    assert both.source_of("INV-900") == "stripe:cus_9/INV-900"
    assert both.source_of("PR-900") == "ledger:A-900/PR-900"
    assert both.source_of() == "stripe:cus_9"


@pytest.mark.parametrize("field", ["total", "balance"])
@pytest.mark.parametrize("cents", [-1, 1])
def test_one_cent_apart_is_a_doubt_with_both_figures(field: str, cents: int) -> None:
    local = rich_account("ledger")
    [mine] = local.invoices
    theirs = replace(mine, **{field: replace(getattr(mine, field), minor=getattr(mine, field).minor + cents)})
    doubt = compose.compose(local, copy(invoices=(theirs,))).doubt
    assert doubt is not None
    assert doubt.reason == "figures_contradict"
    assert str(getattr(mine, field)) in doubt.text
    assert str(getattr(theirs, field)) in doubt.text


def test_void_on_one_side_only_is_a_doubt() -> None:
    local = rich_account("ledger")
    gone = replace(local.invoices[0], status="void", balance=usd("0.00"))
    assert compose.compose(local, copy(invoices=(gone,))).doubt is not None
    void = replace(local, invoices=(gone,))
    assert compose.compose(void, copy(invoices=(gone,))).doubt is None


def test_invoices_of_the_ledger_alone_are_owed_too() -> None:
    other = replace(rich_account("ledger").invoices[0], id="INV-OLD")
    both = compose.compose(replace(rich_account("ledger"), invoices=(other,), plans=()), copy())
    assert both.outstanding == usd("480.00")
    assert both.source_of("INV-OLD") == "ledger:A-900/INV-OLD"


async def test_readings_at_once_end_with_the_latest(store: Store) -> None:
    await save(store, copy())
    at_once = [copy(as_of=AT + timedelta(seconds=n), name=f"as of {n}") for n in (3, 1, 4, 2, 5, 0)]
    await asyncio.gather(*(save(store, account) for account in at_once))
    assert (await whole(store, "cus_9")).as_of == AT + timedelta(seconds=5)


async def test_the_same_notice_at_once_is_one(store: Store) -> None:
    from inbox.accounts.base import SourceNotice
    from inbox.accounts.rereading import Notices
    from inbox.clock import SetClock

    notices = Notices(store, SetClock(AT))
    notice = SourceNotice(source="stripe", event_id="evt_1", kind="invoice", type="invoice.paid", account_id="cus_9")
    told = await asyncio.gather(*(notices.changed(notice) for _ in range(20)))
    assert told.count(True) == 1
