"""Exact words that carriers treat as an order when they come alone by text message (Twilio and CTIA lists). Pure."""

from __future__ import annotations

from typing import Literal

Keyword = Literal["", "stop", "start", "help"]

STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "baja", "alto", "parar", "pare", "sair"}
)  # fmt: skip
START_WORDS = frozenset({"start", "unstop", "yes start", "alta", "volver"})
HELP_WORDS = frozenset({"help", "info", "ayuda", "ajuda"})


def of(text: str) -> Keyword:
    words = " ".join(text.lower().strip(" .!¡\t\n").split())
    if words in STOP_WORDS:
        return "stop"
    if words in START_WORDS:
        return "start"
    return "help" if words in HELP_WORDS else ""
