"""The fields this stand-in has: name -> type, whether it may be empty, whether it may be written, how long it is.

``make acceptance`` holds names, types and nullability against a published list of the standard fields.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    type: str = "string"  # string | boolean | DateString | id | picklist
    empty: bool = True
    write: bool = True
    length: int = 255
    values: tuple[str, ...] = ()  # of a picklist
    external: bool = False
    unique: bool = False
    custom: bool = False


_ID = Field("id", empty=False, write=False, length=18)
_REFERENCE = Field("id", length=18)
_STAMPS = {
    "IsDeleted": Field("boolean", empty=False, write=False),
    "CreatedDate": Field("DateString", empty=False, write=False),
    "LastModifiedDate": Field("DateString", empty=False, write=False),
    "SystemModstamp": Field("DateString", empty=False, write=False),
    "OwnerId": Field("id", empty=False, length=18),
}
_PHONE = Field(length=40)

OBJECTS: dict[str, dict[str, Field]] = {
    "Contact": {
        "Id": _ID, "AccountId": _REFERENCE, "LastName": Field(empty=False, length=80), "FirstName": Field(length=40),
        "Name": Field(empty=False, write=False, length=121), "Email": Field(length=80), "Phone": _PHONE,
        "MobilePhone": _PHONE, "HomePhone": _PHONE, "OtherPhone": _PHONE, "Title": Field(length=128),
        "Inbox_Author__c": Field(length=80, custom=True), **_STAMPS,
    },
    "Account": {"Id": _ID, "Name": Field(empty=False), "Phone": _PHONE, "Website": Field(), **_STAMPS},
    "Case": {
        "Id": _ID, "CaseNumber": Field(empty=False, write=False, length=30), "ContactId": _REFERENCE, "AccountId": _REFERENCE,
        "SuppliedName": Field(length=80), "SuppliedEmail": Field(length=80), "SuppliedPhone": Field(length=40),
        "Status": Field("picklist", values=("New", "Working", "Escalated", "Closed")),
        "Priority": Field("picklist", values=("High", "Medium", "Low")),
        "Origin": Field("picklist", values=("Phone", "Email", "Web")), "Subject": Field(), "Description": Field(length=32000),
        "IsClosed": Field("boolean", empty=False, write=False), "ClosedDate": Field("DateString", write=False),
        "Inbox_Case__c": Field(length=80, external=True, unique=True, custom=True), **_STAMPS,
    },
    "Task": {
        "Id": _ID, "WhoId": _REFERENCE, "WhatId": _REFERENCE, "Subject": Field(), "ActivityDate": Field("DateString"),
        "Status": Field("picklist", empty=False, values=("Not Started", "In Progress", "Completed")),
        "Priority": Field("picklist", empty=False, values=("High", "Normal", "Low")), "Description": Field(length=32000),
        "IsClosed": Field("boolean", empty=False, write=False), "TaskSubtype": Field("picklist", values=("Task", "Call")),
        "Inbox_Conversation__c": Field(length=80, external=True, unique=True, custom=True), **_STAMPS,
    },
}  # fmt: skip
PREFIXES = {"Account": "001", "Contact": "003", "User": "005", "Task": "00T", "Case": "500"}
#: What a reference may point at.
TARGETS = {
    "ContactId": ("Contact",), "AccountId": ("Account",), "WhoId": ("Contact",), "WhatId": ("Case", "Account"),
}  # fmt: skip
DEFAULTS = {
    "Case": {"Status": "New", "Priority": "Medium"}, "Task": {"Status": "Not Started", "Priority": "Normal"},
    "Contact": {}, "Account": {},
}  # fmt: skip
