"""Which of the people at the CRM an author is: one, or nobody. Never a guess. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from inbox.crm.base import Person


def one_of(author_id: str, found: Sequence[Sequence[Person]]) -> Person | None:
    """``found`` are the people under each of the author's addresses. Who bears our own id of the author is them; else an
    address that only one person has tells who it is, as long as no other address tells otherwise.
    """
    everybody = {p.id or p.account_id: p for people in found for p in people}
    if author_id:
        named = [p for p in everybody.values() if p.author_id == author_id]
        if named:
            return named[0] if len(named) == 1 else None
    single = {p.id or p.account_id: p for people in found if len(people) == 1 for p in people}
    if len(single) != 1:
        return None
    person = next(iter(single.values()))
    return None if author_id and person.author_id not in ("", author_id) else person
