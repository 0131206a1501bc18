"""Why a message is read the way it is: clauses, candidates with scores, guards, entities, decision. For people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from inbox import redaction
from inbox.intents.evaluate import REFERENCE
from inbox.intents.reader import CatalogReader, Seen
from inbox.intents.understanding import Context, Entities, Understanding


def explain(text: str, channel: str, reader: CatalogReader, context: Context | None = None) -> str:
    """Lines of plain text; the message is masked first, as intake does. ``context`` defaults to a fresh conversation."""
    masked = redaction.mask(text).text
    asked = context or Context(now=REFERENCE, channel=channel)
    return "\n".join(_lines(reader.see(masked, asked), reader.read(masked, asked)))


def _lines(seen: Seen, read: Understanding) -> Iterator[str]:
    yield f"language  {seen.language}"
    for number, clause in enumerate(seen.words.text.clauses):
        yield f"clause {number}  {clause}"
        found = seen.words.by_clause[number][:4] if number < len(seen.words.by_clause) else ()
        for candidate in found:
            yield f"    {candidate.score:.2f} {candidate.intent:26} {candidate.phrase}"
    for finding in read.findings:
        yield f"guard     {finding.guard}: {finding.reason} ({finding.quote!r}) -> {finding.route.value} {finding.case_reason}".rstrip()
    for calmed in seen.words.calmed:
        words = " ".join(seen.words.text.tokens[calmed.start : calmed.end])
        yield f"calm      {calmed.calm.name}: {words!r} silences {', '.join(sorted(calmed.calm.calms))}"
    yield from _entities(read.entities)
    if seen.words.signals:
        yield f"signals   {', '.join(sorted(seen.words.signals))}"
    yield f"decision  {read.route.value} {', '.join(read.intents) or '-'} severity {read.severity.value}: {read.reason}"


def _entities(entities: Entities) -> Iterator[str]:
    for field in fields(entities):
        value = getattr(entities, field.name)
        if value:
            shown = ", ".join(str(v) for v in value) if isinstance(value, tuple) else value
            yield f"entity    {field.name}: {shown}"
