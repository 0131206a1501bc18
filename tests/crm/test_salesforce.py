"""What is Salesforce's own: log-in, sessions, pages, SOQL, its errors, what is linked, and what doctor is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from inbox.crm.base import NoAccess, Unreachable
from inbox.crm.salesforce import SalesforceBook
from inbox.crm.salesforce_people import ways_to_write
from inbox.crm.salesforce_soql import quoted
from inbox.errors import Permanent, SettingsError, Transient
from inbox.message import ContactPoint
from tests.crm.contract import OTTO, SHARED, case_entry, talk_entry
from tests.crm.world import salesforce, settings
from tests.emulators import soql
from tests.emulators.salesforce import Fault


@pytest.fixture
async def far():
    async with salesforce() as far:
        yield far


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


# Log-in


async def test_one_log_in_serves_many_calls_at_once(far):
    await asyncio.gather(*(far.book.people(OTTO) for _ in range(10)))
    assert far.stand_in.logins == 1


async def test_a_session_that_ran_out_is_renewed_once_for_all_who_notice(far):
    await far.book.people(OTTO)
    far.stand_in.end_sessions()
    found = await asyncio.gather(*(far.book.people(OTTO) for _ in range(10)))
    assert all(list(f) == [far.otto] for f in found)
    assert far.stand_in.logins == 2


async def test_a_fresh_session_that_is_refused_too_is_not_asked_for_again_and_again(far):
    far.stand_in.faults += [Fault("expired", "/query"), Fault("expired", "/query")]
    with pytest.raises(NoAccess, match="INVALID_SESSION_ID"):
        await far.book.people(OTTO)
    assert far.stand_in.logins == 2


async def test_the_log_in_with_a_signed_token(far, key):
    far.stand_in.public_key = key.public_key()
    book = SalesforceBook(
        settings(far.stand_in, client_secrets=(), username="inbox@larkmoor.example", private_keys=(pem(key),))
    )
    try:
        assert list(await book.people(OTTO)) == [far.otto]
    finally:
        await book.close()


async def test_a_new_key_and_a_new_secret_may_stand_before_the_old_one(far, key, tmp_path):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "salesforce.key"
    path.write_text(pem(key), encoding="ascii")
    far.stand_in.public_key = key.public_key()
    on_one_line = pem(other).replace("\n", "\\n")  # as an environment variable has it
    for changes in (
        {"client_secrets": ("not-yet", "an-invented-secret")},
        {"username": "inbox@larkmoor.example", "private_keys": (on_one_line, str(path))},
    ):
        book = SalesforceBook(settings(far.stand_in, **changes))
        try:
            assert list(await book.people(OTTO)) == [far.otto]
        finally:
            await book.close()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"client_secrets": ("wrong",)}, "salesforce.client_secrets is wrong"),
        ({"client_id": "wrong"}, "salesforce.client_id is wrong"),
        ({"username": "somebody@else.example", "key": True}, "let its permission set use the app"),
        (
            {"username": "inbox@larkmoor.example", "audience": "https://wrong.example", "key": True},
            "audience is invalid",
        ),
    ],
)
async def test_a_refused_log_in_says_what_to_mend_and_no_secret(far, key, changes, says):
    if changes.pop("key", False):
        far.stand_in.public_key = key.public_key()
        changes["private_keys"] = (pem(key),)
    book = SalesforceBook(settings(far.stand_in, **changes))
    try:
        with pytest.raises(NoAccess) as caught:
            await book.people(OTTO)
    finally:
        await book.close()
    assert says in " ".join(str(caught.value).split())
    assert "wrong" not in str(caught.value).replace("is wrong", "")


def test_a_key_that_cannot_be_used_says_so_at_once(far, key):
    ec_key = ec.generate_private_key(ec.SECP256R1())
    for text, says in (
        ("-----BEGIN NONSENSE-----", "not an unencrypted RSA key"),
        ("/nowhere/salesforce.key", "No such file"),
        (pem(ec_key), "wants an RSA key"),
    ):
        with pytest.raises(SettingsError, match=says):
            SalesforceBook(settings(far.stand_in, private_keys=(text,), username="x"))


async def test_a_log_in_that_is_down_is_waited_for(far):
    far.stand_in.faults += [Fault("busy", "/token"), Fault("lost", "/token"), Fault("garbage", "/token")]
    for _ in range(3):
        with pytest.raises(Unreachable):
            await far.book.people(OTTO)
    assert list(await far.book.people(OTTO)) == [far.otto]


def test_secrets_do_not_show(far, key):
    shown = repr(settings(far.stand_in, client_secrets=("s3cret-value",), private_keys=(pem(key),), username="x"))
    assert "s3cret-value" not in shown
    assert "PRIVATE KEY" not in shown


# Queries


@given(st.text(max_size=40))
def test_no_value_can_be_anything_but_a_value(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    query = soql.parse(f"SELECT Id FROM Contact WHERE Email = {quoted(text)} AND Name IN ({quoted(text)})")
    assert query.where == ("and", [("=", "Email", text), ("in", "Name", [text])])


@pytest.mark.parametrize(
    "value",
    [
        "o'neil@x.example",
        "back\\slash@x.example",
        "50%_off@x.example",
        "ünï©ode@x.example",
        "' OR Email != '@x",
        "\\' OR Id != '@x",
    ],
)
async def test_odd_addresses_find_exactly_who_has_them(far, value):
    far.stand_in.put("Contact", LastName="Odd", Email=value)
    assert [p.name for p in await far.book.people(ContactPoint("email", value))] == ["Odd"]
    assert list(await far.book.people(ContactPoint("email", value.replace("x", "y")))) == []


async def test_all_pages_are_read_and_the_token_goes_nowhere_else(far):
    async with salesforce(page=2) as far:
        for n in range(7):
            far.stand_in.put("Contact", LastName=f"Twin {n}", Email="twins@farrow.example")
        assert len(await far.book.people(ContactPoint("email", "twins@farrow.example"))) == 7
        assert sum("/query/" in c.path for c in far.stand_in.calls) == 3


@pytest.mark.parametrize(
    "written",
    [
        "+12025550199",
        "(202) 555-0199",
        "202-555-0199",
        "202.555.0199",
        "2025550199",
        "1-202-555-0199",
        "+1 202-555-0199",
        "12025550199",
    ],
)
async def test_a_phone_is_found_however_people_wrote_it(far, written):
    far.stand_in.put("Contact", LastName="Typed", OtherPhone=written)
    assert [p.name for p in await far.book.people(ContactPoint("phone", "+12025550199"))] == ["Typed"]


@pytest.mark.parametrize(
    "written", ["+55 11 96123-4567", "(11) 96123-4567", "11961234567", "5511961234567", "005511961234567"]
)
async def test_a_phone_abroad_too(far, written):
    far.stand_in.put("Contact", LastName="Longe", MobilePhone=written)
    assert [p.name for p in await far.book.people(ContactPoint("phone", "+5511961234567"))] == ["Longe"]


async def test_the_same_digits_in_another_country_are_somebody_else(far):
    far.stand_in.put("Contact", LastName="Elsewhere", Phone="+44 20 2555 0199")
    far.stand_in.put("Contact", LastName="Here", Phone="2025550199")
    assert [p.name for p in await far.book.people(ContactPoint("phone", "+12025550199"))] == ["Here"]
    assert len(ways_to_write("+12025550199")) < 40  # a query stays short


async def test_a_phone_that_only_an_organisation_has_names_the_organisation(far):
    [firm] = await far.book.people(ContactPoint("phone", "+12025550150"))
    assert (firm.id, firm.account_id, firm.name) == ("", far.otto.account_id, "Farrow & Daughters")
    await far.book.file_case(case_entry(), firm, first=True)
    [case] = far.stand_in.rows("Case")
    assert (case["ContactId"], case["AccountId"]) == (None, far.otto.account_id)


# Records


async def test_a_case_of_somebody_unknown_says_how_to_reach_them(far):
    await far.book.file_case(case_entry(), None, first=True)
    [case] = far.stand_in.rows("Case")
    assert (case["SuppliedName"], case["SuppliedEmail"], case["SuppliedPhone"]) == (
        "Ottoline Farrow-Achterberg", OTTO.value, SHARED.value,
    )  # fmt: skip
    assert (case["Origin"], case["Status"], case["Priority"]) == ("Email", "New", "Medium")


async def test_words_of_the_house_are_settings(far):
    far.stand_in.objects["Case"]["Status"] = replace(
        far.stand_in.objects["Case"]["Status"], values=("Neu", "Läuft", "Bot", "Fertig")
    )
    book = SalesforceBook(settings(far.stand_in, statuses=("Neu", "Läuft", "Bot", "Fertig")), rest=0.0)
    try:
        for status, shown in (("open", "Neu"), ("claimed", "Läuft"), ("returned", "Bot"), ("resolved", "Fertig")):
            await book.file_case(case_entry(status=status), None, first=False)
            assert far.stand_in.rows("Case")[0]["Status"] == shown
    finally:
        await book.close()


async def test_a_card_number_never_leaves_whoever_forgot_to_mask_it(far):
    pan = "4111 1111 1111 1111"
    await far.book.file_case(case_entry(subject=pan, text=f"it is {pan}", author_name=pan), None, first=True)
    await far.book.file_talk(talk_entry(subject=pan, text=pan), None, first=True)
    sent = repr([c.payload for c in far.stand_in.calls])
    assert "4111 1111" not in sent
    assert "•••• 1111" in sent


async def test_long_texts_are_cut_to_what_the_fields_hold(far):
    await far.book.file_case(case_entry(subject="s" * 999, text="t" * 99_999, author_name="n" * 999), None, first=True)
    await far.book.file_talk(talk_entry(subject="s" * 999, text="t" * 99_999), None, first=True)
    assert far.stand_in.rows("Case")[0]["Subject"].endswith("…")


async def test_two_records_with_one_key_are_told_of_and_not_touched(far):
    far.stand_in.objects["Case"]["Inbox_Case__c"] = replace(far.stand_in.objects["Case"]["Inbox_Case__c"], unique=False)
    for _ in range(2):
        far.stand_in.put("Case", Subject="by hand", Inbox_Case__c="1041-01J9")
    with pytest.raises(Permanent, match="several records"):
        await far.book.file_case(case_entry(), None, first=True)
    assert {r["Subject"] for r in far.stand_in.rows("Case")} == {"by hand"}


# Errors


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("busy", Unreachable, "503"),
        ("throttled", Unreachable, "429"),
        ("limit", Unreachable, "REQUEST_LIMIT_EXCEEDED"),
        ("SERVER_UNAVAILABLE", Unreachable, "SERVER_UNAVAILABLE"),
        ("lost", Unreachable, "cannot be reached"),
        ("DUPLICATE_VALUE", Transient, "DUPLICATE_VALUE"),
        ("UNKNOWN_EXCEPTION", Transient, "UNKNOWN_EXCEPTION"),
        ("garbage", Transient, "cannot|unreadable|did not say"),
        ("INVALID_FIELD", Permanent, "create the field"),
        ("SOMETHING_NEW", Permanent, "SOMETHING_NEW"),
    ],
)
async def test_each_error_is_of_its_kind(far, kind, error, says):
    far.stand_in.faults += [Fault(kind, "/sobjects/")] * (2 if kind == "garbage" else 1)
    with pytest.raises(error, match=says) as caught:
        await far.book.file_case(case_entry(), None, first=True)
    assert isinstance(caught.value, Unreachable) == (error is Unreachable)


async def test_a_field_that_is_not_there_names_the_fix(far):
    del far.stand_in.objects["Case"]["Inbox_Case__c"]
    with pytest.raises(Permanent, match="external-id fields") as caught:
        await far.book.file_case(case_entry(), None, first=True)
    assert caught.value.code == "NOT_FOUND"


async def test_a_silent_salesforce_is_given_up_in_time(far):
    far.stand_in.faults.append(Fault("hang", "/query"))
    book = SalesforceBook(settings(far.stand_in, timeout_seconds=1))
    try:
        async with asyncio.timeout(5):
            with pytest.raises(Unreachable):
                await book.people(OTTO)
    finally:
        await book.close()


async def test_after_being_told_to_wait_nothing_is_asked_meanwhile(far):
    book = SalesforceBook(settings(far.stand_in), rest=30.0)
    try:
        far.stand_in.faults.append(Fault("limit", "/query"))
        for _ in range(3):
            with pytest.raises(Unreachable) as caught:
                await book.people(OTTO)
            assert 0 < (caught.value.retry_after or 0) <= 30
        assert len(far.stand_in.calls) == 1
    finally:
        await book.close()


async def test_a_retry_after_is_kept(far):
    far.stand_in.faults.append(Fault("throttled", "/query", headers={"Retry-After": "17"}))
    with pytest.raises(Unreachable) as caught:
        await far.book.people(OTTO)
    assert caught.value.retry_after == 17


# Doctor


async def test_check_says_what_works_and_what_is_left(far):
    said = await far.book.check()
    assert "Case and Task can be written" in said
    assert "of 15000 calls left today" in said


async def test_check_names_each_thing_that_is_missing_with_its_fix(far):
    fields = far.stand_in.objects
    del fields["Case"]["Inbox_Case__c"]
    fields["Task"]["Inbox_Conversation__c"] = replace(
        fields["Task"]["Inbox_Conversation__c"], external=False, write=False
    )
    fields["Case"]["Status"] = replace(fields["Case"]["Status"], values=("New", "Closed"))
    fields["Case"]["Description"] = replace(fields["Case"]["Description"], write=False)
    del fields["Contact"]["Inbox_Author__c"]
    with pytest.raises(SettingsError) as caught:
        await far.book.check()
    said = "\n".join(caught.value.problems)
    for words in (
        "Case has no field Inbox_Case__c; create it on Case",
        "Task.Inbox_Conversation__c is no external id",
        "Task.Inbox_Conversation__c cannot be written",
        "Case.Status has no value 'Working'",
        "Contact has no field Inbox_Author__c",
    ):
        assert words in said


async def test_check_asks_nothing_of_tasks_that_are_not_written(far):
    del far.stand_in.objects["Task"]["Inbox_Conversation__c"]
    book = SalesforceBook(settings(far.stand_in, log_conversations=False))
    try:
        assert "Case can be written" in await book.check()
    finally:
        await book.close()


async def test_check_says_where_a_field_could_be_unique(far):
    fields = far.stand_in.objects["Task"]
    fields["Inbox_Conversation__c"] = replace(fields["Inbox_Conversation__c"], unique=False)
    assert "Task.Inbox_Conversation__c is not unique" in await far.book.check()
