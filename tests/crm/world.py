"""A Salesforce on a local port with the contract's people in it, and the book that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from inbox.crm.base import Person
from inbox.crm.salesforce import SalesforceBook
from inbox.settings import Salesforce
from tests.emulators.salesforce import Fault, SalesforceStandIn

KINDS = {
    "down": "busy",
    "limit": "limit",
    "refused": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "locked": "UNABLE_TO_LOCK_ROW",
    "lost": "lost",
}


def settings(stand_in: SalesforceStandIn, **changes: Any) -> Salesforce:
    whole: dict[str, Any] = {
        "login_url": stand_in.url, "client_id": stand_in.client_id, "client_secrets": ("an-invented-secret",),
        "author_field": "Inbox_Author__c", "timeout_seconds": 2, "api_version": stand_in.version,
    }  # fmt: skip
    return Salesforce(**{**whole, **changes})


@dataclass
class SalesforceFar:
    stand_in: SalesforceStandIn
    book: SalesforceBook
    otto: Person
    ansel: Person

    def cases(self):
        return {
            r["Inbox_Case__c"]: {
                "subject": r["Subject"], "text": r["Description"], "status": r["Status"], "priority": r["Priority"],
                "person": r["ContactId"] or "",
            }
            for r in self.stand_in.rows("Case")
        }  # fmt: skip

    def talks(self):
        return {
            r["Inbox_Conversation__c"]: {
                "subject": r["Subject"], "text": r["Description"], "person": r["WhoId"] or "", "case": r["WhatId"] or "",
            }
            for r in self.stand_in.rows("Task")
        }  # fmt: skip

    def relink(self, key, person):
        next(r for r in self.stand_in.rows("Case") if r["Inbox_Case__c"] == key)["ContactId"] = person.id

    def fail(self, how):
        if how == "no access":
            self.stand_in.end_sessions()
            self.stand_in.secrets = {"another"}
        else:
            self.stand_in.faults.append(Fault(KINDS[how], path="/sobjects/"))


@asynccontextmanager
async def salesforce(*, version: str = "64.0", page: int = 2000, **changes: Any) -> AsyncIterator[SalesforceFar]:
    stand_in = SalesforceStandIn(version=version, page=page)
    await stand_in.start()
    firm = stand_in.put("Account", Name="Farrow & Daughters", Phone="(202) 555-0150")
    otto = stand_in.put(
        "Contact", FirstName="Ottoline", LastName="Farrow-Achterberg", AccountId=firm, Email="ottoline@farrow.example",
        Phone="(202) 555-0117", Inbox_Author__c="A-900",
    )  # fmt: skip
    ansel = stand_in.put("Contact", LastName="Farrow", Email="Ansel@Farrow.example", MobilePhone="+1 202.555.0117")
    book = SalesforceBook(settings(stand_in, **changes), rest=0.0)
    far = SalesforceFar(
        stand_in, book, Person(otto, firm, "Ottoline Farrow-Achterberg", "A-900"), Person(ansel, "", "Farrow", "")
    )
    try:
        yield far
    finally:
        await book.close()
        await stand_in.stop()
