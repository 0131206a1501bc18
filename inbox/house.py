"""What every verb may know of this house: its settings and its pure parts. Handed in, never global."""

from __future__ import annotations

from dataclasses import dataclass, field

from inbox.intents.understanding import Reader
from inbox.message import ChannelName
from inbox.settings import Company, Rules
from inbox.templates.catalog import Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    company: Company
    rules: Rules
    answers: Answers  # specs and shipped words
    reader: Reader
    secrets: tuple[str, ...] = field(repr=False)  # signs codes and links; the first one signs
    public_url: str = "http://127.0.0.1:8080"
    payment_url: str = ""  # template of the biller's own payment page, "" = our link page explains
    billing: str = ""  # name of the system that is the truth for what authors owe, "" = the ledger
    max_age_minutes: int = 15  # its figures are read again when they are older
    channels: frozenset[ChannelName] = frozenset({"chat"})  # those that are on
    can_charge: bool = False  # we ask the biller's provider for automatic charges; else the biller charges by itself
    crm: str = ""  # name of the CRM that is told of cases and conversations, "" = there is none
    crm_talks: bool = True  # it is told of conversations too, not of cases alone
    desk: str = ""  # name of the desk that gets the cases, "" = the console alone

    def __post_init__(self) -> None:
        if not self.secrets:
            raise ValueError("the house needs at least one secret; set web.secrets")
