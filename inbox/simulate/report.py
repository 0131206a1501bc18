"""What a simulation found: a line for each turn, a line for each dialogue's end, and one line in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TurnResult:
    number: int
    label: str
    text: str
    problems: Sequence[str]
    leaks: Sequence[str]


@dataclass(frozen=True, slots=True)
class DialogueResult:
    id: str
    title: str
    turns: Sequence[TurnResult]
    problems: Sequence[str]  # of the end

    @property
    def passed(self) -> bool:
        return not self.problems and not any(t.problems for t in self.turns)


@dataclass(frozen=True, slots=True)
class Report:
    dialogues: Sequence[DialogueResult]

    @property
    def passed(self) -> bool:
        return all(d.passed for d in self.dialogues)

    @property
    def summary(self) -> str:
        turns = [t for d in self.dialogues for t in d.turns]
        whole = sum(d.passed for d in self.dialogues)
        well = sum(not t.problems for t in turns)
        leaks = sum(len(t.leaks) for t in turns)
        return f"dialogues {whole} passed of {len(self.dialogues)}, turns {well} passed of {len(turns)}, leaks {leaks}"

    def text(self) -> str:
        lines = []
        for d in self.dialogues:
            lines.append(f"{d.id} {d.title}")
            for t in d.turns:
                verdict = "ok" if not t.problems else "; ".join(t.problems)
                leak = f"  LEAK {', '.join(t.leaks)}" if t.leaks else ""
                lines.append(f"  {t.number:2} {t.label:20} {_clip(t.text):46} {verdict}{leak}")
            lines.append(f"  end: {'ok' if not d.problems else '; '.join(d.problems)}")
        return "\n".join([*lines, self.summary])

    def as_json(self) -> dict[str, Any]:
        return {
            "summary": self.summary,
            "dialogues": [
                {
                    "id": d.id, "passed": d.passed, "end": list(d.problems),
                    "turns": [
                        {"turn": t.number, "what": t.label, "problems": list(t.problems), "leaks": list(t.leaks)} for t in d.turns
                    ],
                }
                for d in self.dialogues
            ],
        }  # fmt: skip


def _clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 45 else f"{line[:42]}..."
