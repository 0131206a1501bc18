"""Plays the acceptance material, where it is there, and holds the product to its figures.

The material lies beside the project (``../shared``); without it there is nothing to check and that is said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
WHOLE, TURNS = 7, 0.75  # of the dialogues; share of the turns


def main() -> int:
    dialogues = SHARED / "acceptance" / "dev_dialogues.jsonl"
    if not dialogues.is_file():
        print(f"{dialogues.name} is not here: nothing to check")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    failures = simulate(dialogues) + intents(SHARED / "acceptance" / "dev_messages.jsonl")
    failures += topics(SHARED / "data" / "intents" / "dev.jsonl")
    failures += stripe_flow(SHARED / "contracts" / "stripe" / "stripe.schema.json")
    failures += salesforce_flow(SHARED / "contracts" / "salesforce" / "standard_objects.fields.json")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{CHECKS - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


CHECKS = 19


def simulate(path: Path) -> list[str]:
    from inbox.simulate import play

    report = asyncio.run(play(path))
    print(report.text())
    turns = [t for d in report.dialogues for t in d.turns]
    share = sum(not t.problems for t in turns) / len(turns)
    leaks = sum(len(t.leaks) for t in turns)
    found = []
    if sum(d.passed for d in report.dialogues) < WHOLE:
        found.append(f"fewer than {WHOLE} dialogues passed whole")
    if share < TURNS:
        found.append(f"{share:.0%} of the turns passed, at least {TURNS:.0%} must")
    if leaks:
        found.append(f"{leaks} leaks")
    return found


GATES = {
    "dispute": 0.98,
    "route:answer": 0.95,
    "route:verify_first": 0.98,
    "route:escalate": 0.97,
    "tag:near_miss": 0.93,
    "route:clarify": 0.80,
    "route:ignore": 0.80,
}
SEVERE = 0.97
COVERED = 0.7  # of what can be answered in the public messages
KEPT_BACK = {"dispute": 0.95, "person": 0.98, "out_of_scope": 0.90}  # not answered by the bot


def intents(path: Path) -> list[str]:
    from inbox.intents import evaluate, prepared

    report = evaluate.run(path, prepared.reader())
    print(report.text())
    found = [] if report.severe_recall >= SEVERE else [f"severity high {report.severe_recall:.3f}, at least {SEVERE}"]
    english = report.recall("lang:en")
    found += [
        f"{lang} recall {report.recall(f'lang:{lang}'):.3f}, english {english:.3f}"
        for lang in ("es", "pt")
        if report.recall(f"lang:{lang}") < english - 0.03
    ]
    return found + [
        f"{name} recall {report.recall(name):.3f}, at least {gate} is wanted"
        for name, gate in GATES.items()
        if report.recall(name) < gate
    ]


def topics(path: Path) -> list[str]:
    """Public customer messages: how much is answered, and what must not be."""
    from inbox.intents import coverage, prepared

    found = coverage.run(path, prepared.reader())
    print(found.text())
    failures = [] if found.covered >= COVERED else [f"coverage {found.covered:.3f}, at least {COVERED} is wanted"]
    return failures + [
        f"{family} not answered {found.kept_back(family):.3f}, at least {least} is wanted"
        for family, least in KEPT_BACK.items()
        if found.kept_back(family) < least
    ]


def stripe_flow(path: Path) -> list[str]:
    """One check: Stripe flow against emulator and schema."""
    from acceptance_stripe import check

    found = asyncio.run(check(json.loads(path.read_text(encoding="utf-8"))))
    return [f"Stripe flow against emulator and schema: {'; '.join(found[:5])}"] if found else []


def salesforce_flow(path: Path) -> list[str]:
    """One check: Salesforce flow against emulator and field list."""
    from acceptance_salesforce import check

    found = asyncio.run(check(json.loads(path.read_text(encoding="utf-8"))["objects"]))
    return [f"Salesforce flow against emulator and field list: {'; '.join(found[:5])}"] if found else []


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    sys.exit(main())
