"""What Slack refuses, checked with the models of Slack's own SDK and the limits it does not check. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

MAX_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_TEXT = 40_000
#: Not documented by Slack; measured by others at about 13,200 (slackapi/bolt-js#2509).
MAX_BLOCK_CHARACTERS = 13_200
_VIEW_TEXTS = {"title": 24, "submit": 24, "close": 24}


def message_problem(body: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Slack's error code for a message it would refuse, with its details; ``""`` if it is fine."""
    text, blocks = body.get("text") or "", body.get("blocks") or []
    if not text and not blocks:
        return "no_text", []
    if len(text) > MAX_TEXT:
        return "msg_too_long", []
    if len(blocks) > MAX_BLOCKS:
        return "invalid_blocks", [f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]"]
    if problems := block_problems(blocks):
        return "invalid_blocks", problems
    if len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > MAX_BLOCK_CHARACTERS:
        return "msg_blocks_too_long", []
    metadata = body.get("metadata")
    if metadata is not None and not _is_metadata(metadata):
        return "invalid_metadata_format", []
    return "", []


def view_problem(view: Mapping[str, Any]) -> tuple[str, list[str]]:
    blocks = view.get("blocks") or []
    problems = [
        f"{name} must be plain text of 1 to {limit} characters [json-pointer:/view/{name}]"
        for name, limit in _VIEW_TEXTS.items()
        if name in view and not 1 <= len(view[name].get("text", "")) <= limit
    ]
    if view.get("type") != "modal" or "title" not in view:
        problems.append("a modal needs type and title [json-pointer:/view]")
    if not 1 <= len(blocks) <= MAX_VIEW_BLOCKS:
        problems.append(f"1 to {MAX_VIEW_BLOCKS} items allowed [json-pointer:/view/blocks]")
    if len(view.get("private_metadata") or "") > 3_000:
        problems.append("must be less than 3001 characters [json-pointer:/view/private_metadata]")
    if any(b.get("type") == "input" for b in blocks) and "submit" not in view:
        problems.append("submit is required when an input block is within blocks [json-pointer:/view/submit]")
    problems += block_problems(blocks)
    return ("invalid_arguments", problems) if problems else ("", [])


def block_problems(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Everything the SDK's models refuse, an unknown type, and duplicate block ids."""
    found = []
    for n, raw in enumerate(blocks):
        try:
            block = Block.parse(dict(raw))
            if block is None:
                found.append(f"unsupported type: {raw.get('type')} [json-pointer:/blocks/{n}/type]")
            else:
                block.to_dict()
        except (SlackObjectFormationError, TypeError) as error:
            found.append(f"{error} [json-pointer:/blocks/{n}]")
        found += [f"must be more than 0 characters [json-pointer:/blocks/{n}]"] if _has_empty_text(raw) else []
    ids = [b["block_id"] for b in blocks if b.get("block_id")]
    return found + (["block_id must be unique [json-pointer:/blocks]"] if len(ids) != len(set(ids)) else [])


def _has_empty_text(block: Mapping[str, Any]) -> bool:
    texts = [block.get("text"), *(block.get("fields") or []), *(block.get("elements") or [])]
    return any(
        isinstance(t, Mapping) and t.get("type") in ("mrkdwn", "plain_text") and not t.get("text") for t in texts
    )


def _is_metadata(metadata: Any) -> bool:
    return (
        isinstance(metadata, Mapping)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), Mapping)
    )
