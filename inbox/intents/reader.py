"""Reads one message: clauses, candidates, guards, entities, then the route by the tie-breaks of the evaluation data.

``CatalogReader.read`` is pure and deterministic and takes any text. The order of the file is the order of the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

from inbox.clock import zone
from inbox.intents import entities as entity
from inbox.intents import examples, judging, keywords, language, lexicon, sense, sureness, tuning, verdict
from inbox.intents.catalog import Catalog, Entry
from inbox.intents.guard import Calmed, Mark, judge
from inbox.intents.match import LearnedScorer, Scorer, merge
from inbox.intents.normalize import Text, prepare
from inbox.intents.pattern import Hit, Index, Pattern
from inbox.intents.repair import Repair
from inbox.intents.routing import RouteModel, Whole
from inbox.intents.rules import RuleBook, Signal, packaged
from inbox.intents.tuning import Tuning
from inbox.intents.understanding import Candidate, Context, Entities, Finding, Understanding
from inbox.message import Language, Route

_SHORT = 160  # characters of a message whose words are kept for the next one that says the same
_MOST_CLAUSES = 40  # clauses that are matched; a longer mail says what it wants before
_ARRANGED = frozenset({"payment_plan", "promise_to_pay"})
_PATTERN_BASE, _PATTERN_STEP, _PATTERN_TOP = 0.62, 0.06, 0.94


@dataclass(frozen=True, slots=True)
class Says:
    """Owner of a catalogue pattern: the intent whose words it knows."""

    entry: Entry
    pattern: Pattern
    part: str = "when"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a text says, whoever wrote it and whenever."""

    text: Text
    telling: Mapping[Language, float]  # words that tell each language
    findings: tuple[Finding, ...]
    calmed: tuple[Calmed, ...]
    by_clause: tuple[tuple[Candidate, ...], ...]
    candidates: tuple[Candidate, ...]
    signals: frozenset[str]
    whole: Whole

    def without(self, intent: str) -> Words:
        by_clause = tuple(tuple(c for c in found if c.intent != intent) for found in self.by_clause)
        return replace(self, by_clause=by_clause, candidates=tuple(c for c in self.candidates if c.intent != intent))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything noticed in a message before it is weighed; ``explain`` shows it."""

    words: Words
    language: Language
    entities: Entities


class CatalogReader:
    """A reader made from a catalogue and the packaged guards; every part can be replaced. ``known``: words that need no
    repair, by default those of the phrases. ``prepared.reader`` makes the packaged one in a moment.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        scorer: Scorer | None = None,
        routes: RouteModel | None = None,
        rules: RuleBook | None = None,
        tuned: Tuning | None = None,
        known: Iterable[str] | None = None,
    ) -> None:
        tuned = tuned or tuning.packaged()
        self._rules = rules if rules is not None else packaged()
        self._scorer: Scorer = (
            scorer if scorer is not None else LearnedScorer(catalog, tuned.weights, examples.packaged())
        )
        self._routes = routes if routes is not None else RouteModel(examples.packaged())
        self._tuned = tuned
        self._likely = {rule.name: rule.likely for rule in self._rules.rules if rule.likely}
        self._sure = {entry.intent: entry.sure for entry in catalog.entries.values() if entry.sure}
        self._index = Index([*_rule_patterns(self._rules), *_catalog_patterns(catalog)])
        taught = (token for phrase in catalog.phrases for token in phrase.tokens) if known is None else known
        vocabulary = self._index.vocabulary()
        real = vocabulary.union(taught, *lexicon.words().languages.values())
        self._repair = Repair(real, vocabulary, self._index.knows)
        # "thanks", "yes", "what is my balance" come again and again: their words are read once.
        self._short = lru_cache(maxsize=4096)(self._words)

    def read(self, text: str, context: Context) -> Understanding:
        """Pure and deterministic; never raises for any text."""
        seen = self.see(text, context)
        words, entities = seen.words, seen.entities
        draft = self._drafted(words, entities)
        meant = None if words.findings else sense.of(words.text, entities, words.candidates, context)
        weighed = (verdict.in_context(draft, meant, words.candidates) if meant else None) or self._settled(
            words, draft, entities
        )
        if context.channel == "sms" and (order := keywords.of(text)):
            weighed = verdict.of_keyword(order)
        elif _is_late_promise(weighed, entities, context):
            weighed = verdict.late_promise(weighed)
        return Understanding(
            text=words.text.body,
            language=seen.language,
            intents=weighed.intents,
            candidates=words.candidates[:8],
            findings=words.findings,
            entities=entities,
            route=weighed.route,
            severity=weighed.severity,
            wants_language=_language_asked(words.signals),
            asks_if_bot="bot" in words.signals,
            wishes=frozenset(name.removeprefix("wish.") for name in words.signals if name.startswith("wish.")),
            reason=weighed.reason,
        )

    def _drafted(self, words: Words, entities: Entities) -> verdict.Weighed:
        taken = self._tuned.thresholds
        return verdict.weigh(
            words.text, words.findings, words.calmed, words.by_clause, entities, taken, words.signals
        )  # fmt: skip

    def _settled(self, words: Words, draft: verdict.Weighed, entities: Entities) -> verdict.Weighed:
        settled = self.settled(words, draft)
        if record := verdict.named_record(settled, words.text, entities):
            return record
        signs = self.sure_signs(words, settled)
        if not signs:
            return settled
        taken = self._tuned.thresholds
        far = words.whole.elsewhere >= sureness.ELSEWHERE and not entities.records
        needed = taken.sure_elsewhere if far else taken.sure
        needed = max(needed, *(self._sure.get(intent, 0.0) for intent in settled.intents))
        return verdict.doubted(settled, sureness.probability(signs, self._tuned.sure), needed)

    def settled(self, words: Words, draft: verdict.Weighed) -> verdict.Weighed:
        """The route, before the last doubt."""
        judged = judging.probabilities(self.signs(words, draft), self._tuned.routes)
        return verdict.settle(draft, judged, words.whole, words.findings, words.by_clause, self._tuned.thresholds)

    def sure_signs(self, words: Words, settled: verdict.Weighed) -> tuple[float, ...]:
        """What ``sureness`` weighs; () where nothing is answered, or answered whatever the doubt."""
        intents = tuple(intent for intent in settled.intents if intent not in sureness.NEVER_DOUBTED)
        if settled.route is not Route.ANSWER or not intents:
            return ()
        if any(mark in words.text.body.lower() for mark in verdict.CARDS):
            return ()  # whoever types a card hears of the safe link, whatever else is meant
        if intents[0] in _ARRANGED and any(name.startswith("wish.") for name in words.signals):
            return ()  # a wish in so many words: what can be done is read back before it is done
        return _signs_of(intents, words)

    def signs(self, words: Words, draft: verdict.Weighed) -> tuple[float, ...]:
        """What ``judging`` weighs."""
        return judging.signs(
            words.whole.routes, draft.route, words.findings, words.calmed, words.by_clause, len(words.text.tokens)
        )

    def draft(self, text: str, context: Context) -> tuple[Words, verdict.Weighed]:
        """A message before its route is judged: what the weights are learned from."""
        seen = self.see(text, context)
        return seen.words, self._drafted(seen.words, seen.entities)

    def see(self, text: str, context: Context) -> Seen:
        lowered = text.lower()
        named = frozenset(word for name in context.names for word in name.lower().split() if word in lowered)
        words = (self._short if len(text) <= _SHORT else self._words)(text, context.channel, named)
        spoken = language.leading(words.telling, context.language_hint)
        return Seen(words=words, language=spoken, entities=entity.read(words.text, context, spoken))

    def _words(self, text: str, channel: str, named: frozenset[str]) -> Words:
        prepared = self._spelled(prepare(text), named)
        hits = list(self._index.search(prepared.tokens))
        findings, calmed = judge(prepared, hits, channel)
        by_clause = self._candidates(prepared, hits)
        words = Words(
            text=prepared, telling=language.scores(prepared.body), findings=findings, calmed=calmed, by_clause=by_clause,
            candidates=merge(c for found in by_clause for c in found), whole=self._routes.read(prepared.tokens),
            signals=frozenset(hit.owner.name for hit in hits if isinstance(hit.owner, Signal)),
        )  # fmt: skip
        return self._likely_only(words)

    def _likely_only(self, words: Words) -> Words:
        """Without the findings of rules that ask for more than their words. Whoever is taken for opting out is not written
        to again: it takes a rule, or a reading that is sure.
        """
        doubtful = [
            f
            for f in words.findings
            if f.guard in self._likely and self._about(f.intent, words) < self._likely[f.guard]
        ]
        if doubtful:
            words = replace(words, findings=tuple(f for f in words.findings if f not in doubtful))
        if any(finding.intent == "opt_out" for finding in words.findings):
            return words
        if all(candidate.intent != "opt_out" for candidate in words.candidates):
            return words
        missed = any("opt_out" in c.calm.calms and not c.calm.reach for c in words.calmed)
        return words.without("opt_out") if missed or self._about("opt_out", words) < sureness.OPT_OUT else words

    def _about(self, intent: str, words: Words) -> float:
        return sureness.probability(_signs_of((intent,), words), self._tuned.sure)

    def _spelled(self, text: Text, named: frozenset[str] = frozenset()) -> Text:
        tokens = self._repair.words(text.tokens, named)
        return text if tokens == text.tokens else replace(text, tokens=tokens)

    def clauses(self, text: str) -> list[tuple[tuple[str, ...], Mapping[str, float]]]:
        """The words of each clause and what the patterns say of it: what the scorer is given."""
        prepared = self._spelled(prepare(text))
        return list(_clauses(prepared, list(self._index.search(prepared.tokens))))

    def _candidates(self, text: Text, hits: Sequence[Hit]) -> tuple[tuple[Candidate, ...], ...]:
        return tuple(
            tuple(self._scorer.score(words, spoken, clause))
            for clause, (words, spoken) in enumerate(_clauses(text, hits))
        )


def _signs_of(intents: Sequence[str], words: Words) -> tuple[float, ...]:
    likeliest = words.whole.about[Route.ANSWER]
    return sureness.signs(intents, words.candidates, words.whole, likeliest, len(words.text.tokens))


def _clauses(text: Text, hits: Sequence[Hit]) -> Iterator[tuple[tuple[str, ...], Mapping[str, float]]]:
    spoken = _by_pattern(text, hits)
    for clause in range(min(len(text.clauses), _MOST_CLAUSES)):
        yield text.words(clause), spoken.get(clause, {})


def _by_pattern(text: Text, hits: Sequence[Hit]) -> dict[int, dict[str, float]]:
    """What the catalogue's patterns say of each clause: the more words a pattern has, the surer."""
    barred = {
        (hit.owner.entry.intent, text.clause_of[hit.start])
        for hit in hits
        if isinstance(hit.owner, Says) and hit.owner.part == "unless"
    }
    found: dict[int, dict[str, float]] = {}
    for hit in hits:
        if not isinstance(hit.owner, Says) or hit.owner.part != "when":
            continue
        intent, clause = hit.owner.entry.intent, text.clause_of[hit.end - 2 if hit.end - hit.start > 1 else hit.start]
        if (intent, clause) not in barred:
            score = min(_PATTERN_TOP, _PATTERN_BASE + _PATTERN_STEP * hit.owner.pattern.solid)
            said = found.setdefault(clause, {})
            said[intent] = max(score, said.get(intent, 0.0))
    return found


def _rule_patterns(book: RuleBook) -> list[tuple[Mark | Signal, Pattern]]:
    pairs: list[tuple[Mark | Signal, Pattern]] = []
    for rule in book.rules:
        for part, patterns in (("when", rule.when), ("unless", rule.unless), ("never", rule.never)):
            pairs += [(Mark(rule, part), pattern) for pattern in patterns]
    for calm in book.calms:
        pairs += [(Mark(calm), pattern) for pattern in calm.when]
    for signal in book.signals:
        pairs += [(signal, pattern) for pattern in signal.when]
    return pairs


def _catalog_patterns(catalog: Catalog) -> list[tuple[Says, Pattern]]:
    pairs: list[tuple[Says, Pattern]] = []
    for entry in catalog.entries.values():
        pairs += [(Says(entry, pattern), pattern) for pattern in entry.patterns]
        pairs += [(Says(entry, pattern, "unless"), pattern) for pattern in entry.unless]
    return pairs


def _is_late_promise(weighed: verdict.Weighed, entities: Entities, context: Context) -> bool:
    """A promise whose first day lies beyond what the bot may accept."""
    if weighed.route is not Route.ANSWER or weighed.intents[:1] != ("promise_to_pay",) or not entities.dates:
        return False
    today = context.now.astimezone(zone(context.timezone)).date()
    return min(entities.dates) > today + timedelta(days=context.promise_days)


def _language_asked(signals: frozenset[str]) -> str:
    asked = sorted(name.removeprefix("language.") for name in signals if name.startswith("language."))
    return asked[0] if len(asked) == 1 else ""
