"""``inbox intents``: check, explain, score and tune the catalogue."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

_SHOWN = 12


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "check, explain, score and tune the intent catalogue"
    intents = commands.add_parser("intents", help=words, description=f"{words.capitalize()}.")
    verbs = intents.add_subparsers(required=True, metavar="check|explain|eval|calibrate")
    check = verbs.add_parser("check", help="find mistakes, thin intents and intents that are taken for each other")
    check.set_defaults(run=_check)
    explain = verbs.add_parser("explain", help="show how one text is understood")
    explain.add_argument("text")
    explain.add_argument("--channel", default="chat", choices=["chat", "email", "sms", "voice"])
    explain.set_defaults(run=_explain)
    score = verbs.add_parser("eval", help="score labelled messages: of routes and intents, or of an intent alone")
    score.add_argument("file", type=Path, metavar="FILE.jsonl")
    score.add_argument("--predictions", type=Path, metavar="OUT.jsonl")
    score.add_argument("--json", action="store_true")
    score.set_defaults(run=_eval)
    tune = verbs.add_parser("calibrate", help="tune how sure a reading must be; shows the curve of coverage and errors")
    tune.add_argument("file", type=Path, metavar="FILE.jsonl", help="messages labelled with an intent alone")
    tune.add_argument("--most-wrong", type=float, default=0.04, metavar="SHARE", help="of the answers (default 0.04)")
    tune.add_argument("--write", action="store_true", help="keep the result in confidence.toml")
    tune.set_defaults(run=_calibrate)


def _check(_: argparse.Namespace) -> int:
    from inbox.errors import DataError
    from inbox.intents import catalog, lint
    from inbox.templates import catalog as answers

    loaded = catalog.load()
    specs = {answer: frozenset(spec.facts) for answer, spec in answers.load().specs.items()}
    if wrong := list(lint.disagreements(loaded, specs)):
        raise DataError(wrong)
    mistakes = lint.misread(loaded)
    total = sum(1 for _ in loaded.phrases)
    for line in (*lint.thin(loaded), *lint.confusing(loaded, mistakes)):
        print(line)
    for one in mistakes[:_SHOWN]:
        print(
            f"look at {one.phrase.text!r} ({one.phrase.intent}): the other phrases say {one.read}, {one.probability:.2f}"
        )
    print(
        f"{len(loaded.entries)} intents, {total} phrases, no mistakes; cross-validated {1 - len(mistakes) / total:.3f} right"
    )
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from inbox.intents import prepared
    from inbox.intents.explain import explain

    print(explain(arguments.text, arguments.channel, prepared.reader()))
    return 0


def _eval(arguments: argparse.Namespace) -> int:
    from inbox.intents import coverage, evaluate, prepared

    run = coverage.run if coverage.is_topics(arguments.file) else evaluate.run
    report = run(arguments.file, prepared.reader(), predictions=arguments.predictions)
    print(json.dumps(report.as_json(), indent=1, ensure_ascii=False) if arguments.json else report.text())
    return 0


def _calibrate(arguments: argparse.Namespace) -> int:
    from inbox.intents import calibrate, catalog, coverage, examples, tuning
    from inbox.intents.routing import ROUTES

    rows = coverage.load(arguments.file)
    known = tuning.packaged().thresholds
    tuned = calibrate.run(catalog.load(), examples.packaged(), rows, known, arguments.most_wrong)
    for route in ROUTES:
        total = sum(n for (label, _), n in tuned.routes.items() if label is route)
        print(f"{route.value:14} {tuned.routes[route, route]:5}/{total:<5} of the examples, cross-validated")
    print("threshold  coverage  wrong of answered  not answered: disputes  for a person  out of scope")
    for point in tuned.points:
        f = point.found
        kept = [f.kept_back(family) for family in ("dispute", "person", coverage.OUT)]
        print(
            f"{point.threshold:9.2f}  {f.covered:8.3f}  {f.wrong_share:17.3f}  {kept[0]:22.3f}  {kept[1]:12.3f}  {kept[2]:12.3f}"
        )
    needed = tuned.tuning.thresholds.sure_elsewhere
    print(
        f"messages of other trades are answered from {needed:.2f} on: at most {arguments.most_wrong:.0%} of the answers wrong"
    )
    if arguments.write:
        tuning.save(
            tuning.FILE, tuned.tuning, f"Written by: inbox intents calibrate, with {len(rows)} labelled messages."
        )
        print(f"written to {tuning.FILE.name}")
    return 0
