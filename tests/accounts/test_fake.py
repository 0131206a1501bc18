from __future__ import annotations

import pytest

from inbox.accounts.base import AccountRef, AccountSource
from inbox.accounts.fake import FakeAccounts
from inbox.errors import Transient, Unsupported
from inbox.money import Money
from tests.accounts.contract import AccountContract, rich_account, second_account


def filled() -> FakeAccounts:
    fake = FakeAccounts()
    fake.add(rich_account("fake"))
    fake.add(second_account("fake"))
    return fake


class TestFakeAccounts(AccountContract):
    @pytest.fixture
    async def source(self) -> AccountSource:
        return filled()

    @pytest.fixture
    async def dead_source(self) -> AccountSource:
        fake = filled()
        fake.fail.append(Transient())
        return fake


async def test_a_fake_without_an_address_takes_no_payments() -> None:
    with pytest.raises(Unsupported):
        await FakeAccounts(payment_url="").payment_link(AccountRef("fake", "A-1"), Money(1))
