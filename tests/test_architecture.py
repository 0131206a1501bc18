"""Who may import whom. A module's level is the highest line below that names it or its package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "inbox"
WORDS, PURE, STORE, VERBS, ADAPTERS, EDGES, TOP = range(7)
#: Longest prefix wins.
LEVEL = {
    "inbox": TOP,
    # 0 words
    "errors": WORDS, "clock": WORDS, "ids": WORDS, "jsontext": WORDS, "money": WORDS, "message": WORDS, "settings": WORDS, "redaction": WORDS,
    "log": WORDS, "metrics": WORDS,
    # 1 pure
    "intents": PURE, "templates": PURE, "accounts": PURE, "escalation": PURE, "crm": PURE, "channels.base": PURE, "decide": PURE, "deciding": PURE,
    "contact_policy": PURE, "house": PURE, "masking": PURE, "disclosure": PURE, "papers": PURE,
    # 2 store
    "db": STORE, "events": STORE, "jobs": STORE, "contacts": STORE, "conversations": STORE, "accounts.tables": STORE,
    # 3 verbs
    "intake": VERBS, "continued": VERBS, "disclosure.lookup": VERBS, "triage": VERBS, "replying": VERBS, "effects": VERBS, "replies": VERBS, "delivery": VERBS,
    "verification": VERBS, "authorisations": VERBS, "merging": VERBS, "likeness": VERBS, "guessing": VERBS, "sender": VERBS, "code_targets": VERBS, "links": VERBS, "staffing": VERBS, "deskwork": VERBS, "pruning": VERBS, "receivables": VERBS, "spoken": VERBS,
    "templates.versions": VERBS, "escalation.handoffs": VERBS, "escalation.acts": VERBS, "escalation.posting": VERBS,
    "crm.filing": VERBS, "crm.entries": VERBS, "crm.strangers": VERBS,
    "accounts.ledger": VERBS, "accounts.records": VERBS, "accounts.royalties_told": VERBS, "accounts.contacts_told": VERBS, "accounts.changes": VERBS, "accounts.booking": VERBS,
    "accounts.assembly": VERBS, "accounts.mirror": VERBS, "accounts.known": VERBS, "accounts.rereading": VERBS, "accounts.freshness": VERBS, "accounts.importing": VERBS, "accounts.import_checks": VERBS, "accounts.import_files": VERBS,
    "accounts.import_fields": VERBS, "accounts.import_authorisations": VERBS, "accounts.samples": VERBS,
    "payouts": VERBS, "payouts.base": PURE, "payouts.states": PURE, "payouts.royalties": PURE, "payouts.asked": PURE, "payouts.vague": PURE,
    "payouts.files": PURE, "payouts.tables": STORE, "payouts.connect": ADAPTERS,
    # 4 adapters
    "channels": ADAPTERS, "escalation.slack": ADAPTERS, "escalation.fake": ADAPTERS, "accounts.fake": ADAPTERS, "accounts.stripe": ADAPTERS, "accounts.charging": ADAPTERS, "crm.salesforce": ADAPTERS, "crm.fake": ADAPTERS, "fakes": ADAPTERS,
    # 5 edges
    "web": EDGES, "linkpages": EDGES, "paypages": EDGES, "worker": EDGES, "schedule": EDGES, "paymentevents": EDGES, "console": EDGES, "running": TOP, "cli": TOP, "app": TOP, "__main__": TOP,
    "doctor": TOP, "simulate": TOP, "bench": TOP, "demo": TOP,
}  # fmt: skip
#: An adapter may use its own helpers and what several adapters of one provider share.
FAMILIES = (
    ("channels.email", "channels.mail_", "channels.mime"),
    ("channels.sms", "channels.voice", "channels.twilio", "channels.call_script"),
    ("channels.chat",),
    ("escalation.slack",),
    ("accounts.stripe",),
    ("crm.salesforce",),
)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if "migrations" not in name:
            yield name.removesuffix(".__init__"), path


def level(name: str) -> int:
    if name == "__init__":
        return WORDS
    fitting = [prefix for prefix in LEVEL if name == prefix or name.startswith((f"{prefix}.", f"{prefix}_"))]
    assert fitting, f"{name} has no level: name it in {Path(__file__).name}"
    return LEVEL[max(fitting, key=len)]


def imports(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports at run time; imports for annotations only do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(n)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for n in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (a.name.removeprefix("inbox.") for a in node.names if a.name.startswith("inbox."))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "inbox":
            base = node.module.removeprefix("inbox").lstrip(".")
            for alias in node.names:
                deeper = f"{base}.{alias.name}".lstrip(".")
                yield (
                    deeper
                    if (ROOT / Path(*deeper.split("."))).with_suffix(".py").exists()
                    or (ROOT / Path(*deeper.split("."))).is_dir()
                    else base
                )


def family(name: str) -> int | None:
    return next(
        (n for n, prefixes in enumerate(FAMILIES) if any(name == p or name.startswith((p, f"{p}_")) for p in prefixes)),
        None,
    )


@pytest.mark.parametrize(("name", "path"), [pytest.param(n, p, id=n) for n, p in modules()])
def test_imports_point_down(name: str, path: Path) -> None:
    mine = level(name)
    for other in imports(path):
        if not other:
            continue
        theirs = level(other)
        if mine == ADAPTERS:
            same = family(name) is not None and family(name) == family(other)
            assert theirs <= PURE or same or (theirs == ADAPTERS and name in ("fakes",)), (
                f"{name} may not import {other}"
            )
        elif mine < TOP:
            assert theirs != ADAPTERS, f"{name} may not import the adapter {other}"
            assert theirs <= mine, f"{name} (level {mine}) may not import {other} (level {theirs})"


@pytest.mark.parametrize(
    ("name", "path"),
    [pytest.param(n, p, id=n) for n, p in modules() if n != "__init__" and level(n) == PURE and not n.endswith("base")],
)
def test_pure_modules_neither_wait_nor_ask_the_time(name: str, path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        assert not isinstance(node, (ast.AsyncFunctionDef, ast.Await)), f"{name} has async code"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert ast.unparse(node.func) not in ("datetime.now", "date.today", "time.time", "datetime.utcnow"), (
                f"{name} asks the time"
            )


def test_nothing_reads_the_environment_but_settings() -> None:
    for name, path in modules():
        if level(name) < TOP and name not in ("settings", "channels.mail_parser_process"):  # a child inherits it
            assert "os.environ" not in path.read_text(encoding="utf-8"), f"{name} reads the environment"
