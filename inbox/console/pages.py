"""The staff pages: every route of the console in one list."""

from __future__ import annotations

from aiohttp import web

from inbox.clock import Clock
from inbox.console.actions import ActionPages
from inbox.console.answers import AnswerPages
from inbox.console.auth import Door, Gate
from inbox.console.authorisations import AuthorisationPages
from inbox.console.conversation import ConversationPages
from inbox.console.destinations import DestinationPages
from inbox.console.failures import FailurePages
from inbox.console.likenesses import MergePages
from inbox.console.payouts import PayoutPages
from inbox.console.people import PeoplePages
from inbox.console.queue import QueuePages
from inbox.console.review import ReviewPages
from inbox.console.security import SecurityPages
from inbox.console.view import FOLDER, Console
from inbox.db.store import Store
from inbox.escalation.base import DeskEvents
from inbox.house import House


def routes(store: Store, house: House, clock: Clock, desk: DeskEvents) -> list[web.AbstractRouteDef]:
    console = Console(store, house, clock, desk)
    door = Door(console)
    return [
        web.static("/console/static", FOLDER / "static"),
        *Gate(console).routes(door),
        *QueuePages(console).routes(door),
        *ConversationPages(console).routes(door),
        *ActionPages(console).routes(door),
        *ReviewPages(console).routes(door),
        *AnswerPages(console).routes(door),
        *FailurePages(console).routes(door),
        *DestinationPages(console).routes(door),
        *PayoutPages(console).routes(door),
        *PeoplePages(console).routes(door),
        *AuthorisationPages(console).routes(door),
        *MergePages(console).routes(door),
        *SecurityPages(console).routes(door),
    ]
