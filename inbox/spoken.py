"""The service texts that a phone call needs at once: rendered from the shipped answers, without an account."""

from __future__ import annotations

from typing import Any

from inbox.house import House
from inbox.replies import language_of
from inbox.templates.render import Part, render


class Spoken:
    """``Spoken(house)(name, language, **facts)`` gives the words to say."""

    def __init__(self, house: House) -> None:
        self._house = house

    def __call__(self, name: str, language: str, **facts: Any) -> str:
        spoken = language_of(language)
        bundle = self._house.answers.bundle(name, spoken)
        return render([Part(name, bundle, facts)], "voice", spoken, self._house.company, "").text


def phrases(house: House) -> Spoken:
    return Spoken(house)
