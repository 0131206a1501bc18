"""Small parts: who an author is, what the texts say, what is late, and the settings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inbox import jobs
from inbox.crm import wording
from inbox.crm.base import Person
from inbox.crm.who import one_of
from inbox.errors import SettingsError
from inbox.settings import load
from tests.conftest import NOW

OTTO, ANSEL, OTHER = Person("1", "9", "Ottoline", "A-900"), Person("2", "", "Ansel"), Person("3", "", "Other", "A-1")
FIRM = Person("", "9", "Farrow & Daughters")


@pytest.mark.parametrize(
    ("author", "found", "who"),
    [
        ("A-900", [], None),
        ("A-900", [[OTTO], [OTTO, ANSEL]], OTTO),  # the phone is shared
        ("A-900", [[ANSEL, OTTO], [ANSEL]], OTTO),  # our id settles it
        ("A-7", [[ANSEL], [OTTO, ANSEL]], ANSEL),  # the mail is hers alone
        ("A-7", [[ANSEL], [OTHER]], None),  # two addresses, two people
        ("A-7", [[OTTO]], None),  # bears the id of another author
        ("A-7", [[OTTO, ANSEL]], None),
        ("", [[OTTO]], OTTO),  # a stranger here is known there
        ("", [[OTTO, ANSEL]], None),
        ("A-1", [[OTHER, Person("4", "", "Twin", "A-1")]], None),
        ("A-7", [[FIRM]], FIRM),
        ("A-7", [[ANSEL], [FIRM]], None),
    ],
)
def test_one_person_or_nobody(author, found, who):
    assert one_of(author, found) == who


def test_a_text_says_nothing_that_is_not_so():
    row = {"number": 7, "reason": "double_charge", "severity": "normal", "owner_name": "", "outcome": ""}
    about = wording.About(name="", account="", url="https://inbox.example/console/conversations/01J")
    text = wording.case_text(row, {}, about, {"due": NOW})
    assert text.splitlines() == [
        "Says the same thing was charged twice (double_charge, normal)",
        "Author: unknown, no account matched",
        "Answer by: Wed 2026-03-11 15:00 UTC",
        "Whole conversation: https://inbox.example/console/conversations/01J",
        "Written by Inbox, which replaces this text when something changes. Keep your own notes in comments.",
    ]
    whole = wording.case_text(
        {**row, "owner_name": "Noor", "outcome": "refund"}, {"invoice_ids": ["INV-9"], "amounts": ["64.00 USD"]}, about,
        {"due": NOW, "claimed": NOW, "first_reply": NOW + timedelta(minutes=5), "closed": NOW + timedelta(hours=1)},
    )  # fmt: skip
    assert "With: Noor, Wed 2026-03-11 15:00 UTC" in whole
    assert "Contested: INV-9, 64.00 USD" in whole
    assert "First reply by a person: Wed 2026-03-11 15:05 UTC" in whole
    assert "Outcome: refund, Wed 2026-03-11 16:00 UTC" in whole
    assert "Answer by" not in whole


async def test_what_waits_for_another_system_is_counted_once_it_was_tried_often(store):
    def fail(tx, at):
        for job in jobs.claim(tx, "crm", at, limit=5):
            jobs.retry(tx, job, at, "Salesforce cannot be reached", wait=1.0)

    await store.run(lambda tx: [jobs.enqueue(tx, "crm", "crm.write", f"crm:{n}", NOW) for n in range(2)])
    for n in range(3):
        assert store.read_now(jobs.late) == []
        await store.run(lambda tx, n=n: fail(tx, NOW + timedelta(minutes=n)))
    [late] = store.read_now(jobs.late)
    assert (late["lane"], late["n"], late["error"]) == ("crm", 2, "Salesforce cannot be reached")


GOOD = '[salesforce]\nlogin_url = "https://larkmoor.my.salesforce.com"\nclient_id = "c"\nclient_secrets = ["s"]\n'


def test_a_plain_section_is_enough(tmp_path):
    path = tmp_path / "inbox.toml"
    path.write_text(GOOD, encoding="utf-8")
    crm = load(path, {}).salesforce
    assert crm is not None
    assert (crm.case_field, crm.conversation_field, crm.api_version) == (
        "Inbox_Case__c",
        "Inbox_Conversation__c",
        "64.0",
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('login_url = "http://larkmoor.my.salesforce.com"', "salesforce.login_url"),
        ("client_secrets = []", "salesforce.client_secrets is missing"),
        ('private_keys = ["/k"]', "salesforce.username is missing"),
        ('api_version = "v64"', "salesforce.api_version"),
        ('case_field = "Inbox_Case__c FROM User"', "salesforce.case_field"),
        ('conversation_field = ""', "salesforce.conversation_field"),
        ('author_field = "a b"', "salesforce.author_field"),
        ('statuses = ["New"]', "salesforce.statuses"),
        ('priorities = ["High"]', "salesforce.priorities"),
        ("timeout_seconds = 90", "salesforce.timeout_seconds"),
    ],
)
def test_what_cannot_be_is_told_by_its_key(tmp_path, line, says):
    name = line.partition(" ")[0]
    kept = [given for given in GOOD.splitlines() if not given.startswith(name)]
    path = tmp_path / "inbox.toml"
    path.write_text("\n".join([*kept, line]), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert any(p.startswith(says) for p in caught.value.problems)
