"""From outside text to clauses of plain tokens. Pure, and linear in the length of the text.

Every pattern here is bounded or unambiguous: hostile text costs no more than honest text of the same length.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inbox.intents import lexicon

#: Stands between clauses in ``Text.tokens``; the message begins with START and ends with END.
STOP, START, END = ".", "<<", ">>"
MARKS = frozenset({STOP, START, END})

# Nobody reads further than this to learn what a message wants; quoted history may be longer than the author's words.
_LONGEST, _LONGEST_OWN = 60_000, 12_000
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SPACES = re.compile(r"[^\S\n]+")
# Cyrillic and Greek letters that look Latin; only folded inside words that also hold Latin letters.
_HOMOGLYPHS = str.maketrans(
    "аеорсухіјѕԁһкмтвнАВЕКМНОРСТУХІЈЅαοεικνρτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsdhkmtbhABEKMHOPCTYXIJSaoeiknptuxwABEZHIKMNOPTYX",
)
_LATIN = re.compile(r"[A-Za-z]")
_LOOKALIKE = re.compile(r"[\u0370-\u03ff\u0400-\u052f]")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "«": '"', "»": '"', "\u00a0": " "})

_TEMPLATE = re.compile(
    r"\$\{[^{}\n]{0,400}\}|\{\{[^{}\n]{0,400}\}\}|\{%[^%\n]{0,400}%\}|<%[^%\n]{0,400}%>|\[\[[^\[\]\n]{0,400}\]\]"
)
# A template that calls something to do with money: never run, but worth an alarm.
_ACTION = re.compile(r"(?:pay|payout|transfer|send|withdraw|refund|delete|update|release|account|export)\w{0,12}[.(=:]")
_ACTION_MARK = "#templateaction"
_ENDS = re.compile(
    r"[!?;…¿¡]+|(?<!\bno)(?<!\bnr)(?<!\bmr)(?<!\bdr)(?<!\bms)(?<!\bsr)\.+(?=\s|$|\")|\n+|:(?=\s|$)|\s[-–—]+\s|—|\s[()]|[()](?=\s|$)"
    r"|, (?=(?:when|what|how|why|where|which|can|could|did|cu[aá]ndo|cu[aá]nto|cu[aá]l|d[oó]nde|quanto|quando|qual|onde|just|only|solo|s[oó])\b)"
    r"|\b(?:but|pero|por[eé]m|however|although|aunque|embora|sino)\b|, ?mas\s",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"(?P<email>[a-z0-9][a-z0-9._%+\-]{0,63}@[a-z0-9\[][a-z0-9.\-]{0,253})"
    r"|(?P<url>(?:https?://|www\.)\S+|[a-z0-9][a-z0-9\-]{0,62}(?:\.[a-z0-9\-]{1,63}){0,4}"
    r"\.(?:com|net|org|example|info|biz|io|co|ru|xyz|top|link|click|test)\b(?:/\S*)?)"
    r"|(?P<id>\b(?:[a-z]{1,4}[-_]\d{3,9}|[a-z]{1,4}\d{4,9}|(?:inv|rf|wd|pl) \d{4,9})(?:-\d{1,6})?\b)"
    r"|(?P<twice>\b(?:2x|x2)\b)"
    r"|(?P<amount>(?:us\$|r\$|[$€£])\s?\d[\d.,]*|\d[\d.,]*\s?(?:usd|eur|dollars?|bucks|dolares|reais|pesos|euros?|[$€£])(?![a-z0-9])|\d+[.,]\d\d(?![\d]))"
    r"|(?P<percent>\d[\d.,]*\s?%)"
    r"|(?P<number>\d[\d.,:/\-]*(?:st|nd|rd|th|am|pm|h|x)?)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)"
    r"|(?P<money>\$+)"
)
_KINDS = {"email": "#email", "url": "#url", "id": "#id", "amount": "#amt", "percent": "#pct", "number": "#num"}
# What phones send when a message is "liked": the quoted words are ours, not the author's.
_REACTION = re.compile(
    r"(?:liked|loved|emphasi[sz]ed|disliked|questioned|laughed at|reacted .{1,16} to|removed an? \w{1,12} from|"
    r"le gusto|le encanto|le molesto|enfatizo|destaco|reacciono .{1,16} a|gostou de|amou|curtiu|reagiu .{1,16} a) ?\"|"
    r"(?:reacted .{1,16} to|liked|loved|disliked|emphasi[sz]ed|laughed at|questioned) (?:a message|your message|an image|a photo|an attachment)"
)
_CARD = re.compile(r"\d(?:[ .\-]?\d){12,18}")

ANGRY_EMOJI = frozenset("🤬😡😠👿💢🖕")
GLAD_EMOJI = frozenset("👍👌🙏😊🙂😀😃😄❤💙💚💛🎉✅😍🥰🤝👏")
_EMOJI = re.compile(f"[{''.join(sorted(ANGRY_EMOJI | GLAD_EMOJI))}]")
_DIGIT = re.compile(r"\d")
_ACCENTS = re.compile("[\u0300-\u034e\u0350-\u036f]+")


@dataclass(frozen=True, slots=True)
class Text:
    """A message made ready: ``tokens`` of all clauses with STOP between, ``clause_of[i]`` for each token."""

    body: str  # cleaned words of the author: no quotes, no signature, subject first
    subject: str
    tokens: tuple[str, ...]
    clause_of: tuple[int, ...]
    clauses: tuple[str, ...]  # the words of each clause as written
    templates: tuple[str, ...] = ()  # template syntax found; never evaluated, never matched
    emoji: tuple[str, ...] = ()

    def words(self, clause: int) -> tuple[str, ...]:
        """The tokens of one clause without the marks."""
        of, tokens = self.clause_of, self.tokens
        return tuple(t for t in tokens[bisect_left(of, clause) : bisect_right(of, clause)] if t not in MARKS)


def prepare(text: str) -> Text:
    """Everything the matcher, the guards and the entity reader look at."""
    subject, body = letter(clean(text[:_LONGEST]))
    body = body[:_LONGEST_OWN]
    templates = tuple(m.group(0) for m in _TEMPLATE.finditer(body))
    if _REACTION.match(fold(body[:60])):
        return Text(body, subject, (START, STOP, "#reaction", STOP, END), (0,) * 5, (body,), templates)
    inert = _TEMPLATE.sub(" ", body) if templates else body
    emoji = () if inert.isascii() else tuple(_EMOJI.findall(inert))
    pieces = _clauses(subject, inert)
    if any(_ACTION.search(fold(template)) for template in templates):
        pieces.append(_ACTION_MARK)
    tokens, clause_of, clauses = _stream(pieces)
    whole = f"{subject}\n{inert}".strip() if subject else inert.strip()
    return Text(whole, subject, tokens, clause_of, clauses, templates, emoji)


def clean(text: str) -> str:
    """NFKC, invisible and control characters out, look-alike letters folded, spaces collapsed; lines stay."""
    if text.isascii():
        return _SPACES.sub(" ", _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()
    plain = unicodedata.normalize("NFKC", text.replace("\r\n", "\n").replace("\r", "\n"))
    plain = _CONTROL.sub(" ", _INVISIBLE.sub("", plain)).translate(_QUOTES)
    if _LOOKALIKE.search(plain):
        plain = " ".join(_unmask(word) for word in plain.split(" "))
    return _SPACES.sub(" ", plain).strip()


def _unmask(word: str) -> str:
    mixed = _LATIN.search(word) and _LOOKALIKE.search(word)
    return word.translate(_HOMOGLYPHS) if mixed else word


def fold(text: str) -> str:
    """Lower case without accents: ``"¿Cuándo?"`` becomes ``"¿cuando?"``."""
    lowered = text.lower()
    if lowered.isascii():
        return lowered
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", lowered))
    return plain if plain.isascii() else "".join(c for c in plain if not unicodedata.combining(c))


# --- letters ---------------------------------------------------------------------------------------------------

_SUBJECT = re.compile(r"(?:subject|asunto|assunto) ?: ?([^\n]*)(?:\n|$)", re.IGNORECASE)
_REPLY = re.compile(r"(?:re|fwd?|rv|enc|res) ?: ?", re.IGNORECASE)
_WROTE = re.compile(r"^(?:on|el|em|le|am)\b.{4,200}\b(?:wrote|escribio|escreveu|ecrit|schrieb)\s?:?$")
_FORWARD = re.compile(
    r"^(?:-{2,}\s?)?(?:original message|forwarded message|mensaje original|mensaje reenviado|mensagem original|"
    r"mensagem encaminhada|begin forwarded message)\b"
)
_HEADER = re.compile(r"^(?:from|de|sent|enviado|to|para|date|fecha|data) ?: .{0,200}$")
_MOBILE = re.compile(r"^(?:sent from my|enviado desde mi|enviado do meu|get outlook for|obtener outlook)\b")
_SIGNOFF = re.compile(
    r"^(?:(?:kind|best|warm|warmest|many|with)? ?(?:regards|wishes)|best|sincerely(?: yours)?|yours(?: \w+)?|cheers|respectfully|cordially|love|"
    r"warmly|un saludo|saludos(?: \w+)?|atentamente|atte|cordialmente|un abrazo|abrazos?|"
    r"att|atenciosamente|grato|grata|abs|cumprimentos)\b[^?$0-9]{0,40}$"
)
_DISCLAIMER = re.compile(
    r"^(?:this (?:e-?mail|message)(?: and any attachments?)? (?:is|may|contains?)|confidential|"
    r"este (?:correo|mensaje) (?:es|y|contiene)|esta mensagem (?:e|contem|pode)|aviso legal|disclaimer)\b"
)


def letter(text: str) -> tuple[str, str]:
    """Subject and own words of a mail: quoted history, forwards, signature and disclaimers left out."""
    subject, body = "", text
    if match := _SUBJECT.match(text):
        subject, body = match.group(1).strip(), text[match.end() :]
        replying = False
        while reply := _REPLY.match(subject):
            subject, replying = subject[reply.end() :], True
        if replying and body.strip():
            subject = ""  # the subject of a reply is history, not what the author says now
    return subject, "\n".join(_own_lines(body.split("\n"))).strip()


def _own_lines(lines: list[str]) -> Iterator[str]:
    quoting = False
    for at, line in enumerate(lines):
        bare = fold(line.strip())
        if bare.startswith((">", "|>")):
            continue
        if _FORWARD.match(bare) or bare in {"--", "-- ", "__", "___"} or _DISCLAIMER.match(bare):
            return
        if len(bare) < 260 and _WROTE.match(bare):
            quoting = not any(rest.lstrip().startswith(">") for rest in lines[at + 1 : at + 4])
            continue
        if quoting or _MOBILE.match(bare) or (_HEADER.match(bare) and _is_header_block(lines, at)):
            continue
        if at and len(bare) < 50 and _SIGNOFF.match(bare) and sum(1 for rest in lines[at:] if rest.strip()) <= 5:
            return
        yield line


def _is_header_block(lines: list[str], at: int) -> bool:
    near = lines[max(0, at - 1) : at + 2]
    return sum(1 for line in near if _HEADER.match(fold(line.strip()))) >= 2


# --- clauses and tokens -----------------------------------------------------------------------------------------


def _clauses(subject: str, body: str) -> list[str]:
    pieces = [piece for piece in _ENDS.split(subject) if piece.strip()]
    pieces += [piece.strip() for piece in _ENDS.split(_join_wrapped(body)) if piece.strip()]
    return pieces


def _join_wrapped(body: str) -> str:
    """A line wrapped by the mail program goes on in lower case or with digits: not the end of a clause."""
    if "\n" not in body:
        return body
    out: list[str] = []
    for line in body.split("\n"):
        start = line[:1]
        if (
            out
            and out[-1].strip()
            and start
            and (start.islower() or start.isdigit())
            and not out[-1].rstrip().endswith((".", "?", "!", ","))
        ):
            out[-1] = f"{out[-1]} {line}"
        else:
            out.append(line)
    return "\n".join(out)


def _stream(pieces: list[str]) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    tokens, clause_of = [START, STOP], [0, 0]
    clauses: list[str] = []
    for piece in pieces:
        own = [piece] if piece == _ACTION_MARK else _merged(list(tokenize(piece)))
        if own:
            tokens += (*own, STOP)
            clause_of += [len(clauses)] * (len(own) + 1)
            clauses.append(piece)
    tokens.append(END)
    clause_of.append(max(0, len(clauses) - 1))
    return tuple(tokens), tuple(clause_of), tuple(clauses)


def _merged(tokens: list[str]) -> list[str]:
    """Two words that are one notion become one: "how much", "pay out"."""
    pairs = lexicon.words().pairs
    out: list[str] = []
    for token in tokens:
        joined = pairs.get((out[-1], token)) if out else None
        if joined:
            out[-1] = joined
        else:
            out.append(token)
    return out


def tokenize(clause: str) -> Iterator[str]:
    """Folded words with shorthand written out; figures, addresses and ids become ``#amt``, ``#email`` and so on."""
    folded = fold(clause)
    if len(folded) > 12 and _DIGIT.search(folded):
        folded = _CARD.sub(_card_or_book, folded)
    shorthand = lexicon.words().shorthand
    for match in _TOKEN.finditer(folded):
        kind = match.lastgroup or "word"
        if kind == "word":
            yield from _written_out(match.group().replace("'", ""), shorthand)
        elif kind in ("money", "twice"):
            yield kind
        else:
            yield _KINDS[kind]


def _card_or_book(match: re.Match[str]) -> str:
    """A book number (ISBN-13) is no card number."""
    return match.group() if match.group().startswith(("978", "979")) else " xcardx "


def _written_out(word: str, shorthand: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return shorthand.get(word) or (word,)
