"""Who has an address in Salesforce: Contacts by mail or phone, and Accounts by phone where no Contact has it.

Phones there are free text. They are looked for in the ways people write them, and every hit is read as a number again
before it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import phonenumbers
from phonenumbers import PhoneNumberFormat

from inbox.crm.base import Person
from inbox.crm.salesforce_soql import quoted, quoted_all
from inbox.message import ContactPoint

_PHONES = ("Phone", "MobilePhone", "HomePhone", "OtherPhone")


def contact_query(point: ContactPoint, author_field: str = "") -> str:
    """The query for the Contacts under this address, "" if it is none that Salesforce could have."""
    fields = ["Id", "AccountId", "Name", "Email", *_PHONES, *([author_field] if author_field else [])]
    condition = _condition(point, _PHONES)
    return f"SELECT {', '.join(fields)} FROM Contact WHERE {condition} ORDER BY Id" if condition else ""  # noqa: S608 - every value is quoted


def account_query(point: ContactPoint) -> str:
    """The query for organisations with this phone, "" for a mail address: an Account has none."""
    condition = _condition(point, ("Phone",)) if point.kind == "phone" else ""
    return f"SELECT Id, Name, Phone FROM Account WHERE {condition} ORDER BY Id" if condition else ""  # noqa: S608 - every value is quoted


def contacts_of(records: Iterable[Mapping[str, Any]], point: ContactPoint, author_field: str = "") -> list[Person]:
    return [
        Person(
            id=str(r["Id"]), account_id=_text(r, "AccountId"), name=_text(r, "Name"),
            author_id=_text(r, author_field) if author_field else "",
        )
        for r in records
        if _has(r, point, _PHONES)
    ]  # fmt: skip


def accounts_of(records: Iterable[Mapping[str, Any]], point: ContactPoint) -> list[Person]:
    return [
        Person(id="", account_id=str(r["Id"]), name=_text(r, "Name")) for r in records if _has(r, point, ("Phone",))
    ]


def ways_to_write(phone: str) -> list[str]:
    """An E.164 number as people type it: ``+12125550101``, ``(212) 555-0101``, ``212-555-0101``, …; [] if it is none."""
    number = _number(phone)
    if number is None:
        return []
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    grouped = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL).partition(" ")[2]
    digits, code = phonenumbers.national_significant_number(number), str(number.country_code)
    bodies = [digits, grouped, *(re.sub(r"\D+", between, grouped) for between in (" ", "-", "."))]
    ways = [phone, f"00{code}{digits}", f"{code}{digits}", f"+{code}{national}", *bodies]
    for body in (national, *bodies):
        ways += [body, f"{code} {body}", f"+{code} {body}"]
    ways += [f"{sign}{code}{between}{re.sub(r'[^0-9]+', between, grouped)}" for sign in ("", "+") for between in "-."]
    if code == "1" and len(digits) == 10:
        bare = f"({digits[:3]}){digits[3:6]}-{digits[6:]}"
        ways += [bare, f"1{bare}", f"+1{bare}", f"1-{national}", f"1 {bare}", f"+1 {bare}"]
    return list(dict.fromkeys(ways))


def _condition(point: ContactPoint, phones: tuple[str, ...]) -> str:
    value = point.value.strip()
    if point.kind == "email" and "@" in value:
        return f"Email = {quoted(value)}"  # Salesforce compares without regard to case
    if point.kind == "phone" and (ways := ways_to_write(value)):
        return " OR ".join(f"{field} IN {quoted_all(ways)}" for field in phones)
    return ""


def _has(record: Mapping[str, Any], point: ContactPoint, phones: tuple[str, ...]) -> bool:
    """Does the record have exactly this address? A query alone is not believed."""
    if point.kind == "email":
        return _text(record, "Email").lower() == point.value.strip().lower()
    wanted = _number(point.value.strip())
    return wanted is not None and any(_same(_text(record, field), wanted) for field in phones)


def _same(written: str, wanted: phonenumbers.PhoneNumber) -> bool:
    """Read with and without the country's code: people write either."""
    readings = [_number(written, phonenumbers.region_code_for_country_code(wanted.country_code or 0))]
    if written[:1].isdigit():
        readings.append(_number(f"+{written.removeprefix('00')}"))
    key = (wanted.country_code, wanted.national_number)
    return any(found is not None and (found.country_code, found.national_number) == key for found in readings)


def _number(text: str, region: str | None = None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _text(record: Mapping[str, Any], field: str) -> str:
    return str(record.get(field) or "")
