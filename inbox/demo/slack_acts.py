"""What a person does in Slack: press, choose, submit, write, change, delete. Each act is one real request to the inbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inbox.demo import slack_payloads
from inbox.demo.slack_api import checked_view
from inbox.demo.slack_workspace import Answer, Json, Refused

if TYPE_CHECKING:
    from inbox.demo.slack_stand_in import SlackStandIn


async def press(slack: SlackStandIn, person: str, message_ts: str, action_id: str) -> Answer:
    """A button of a message. Raises ``Refused`` if the message has no such button now."""
    message = slack.workspace.message(slack.channel, message_ts)
    action = _action(_find(message.get("blocks") or [], action_id), slack)
    body = slack_payloads.press_body(
        slack.workspace.user(person), message, slack.workspace.channel(slack.channel), action, _trigger(slack, person)
    )
    return await slack.send_interaction(body)


async def choose(slack: SlackStandIn, person: str, block_id: str, values: Mapping[str, str]) -> Answer:
    """A choice in an open form that the app wants to hear of at once; the other fields keep what was typed."""
    view = _top(slack, person)
    _fill(view, values)
    element = next(b["element"] for b in view["blocks"] if b.get("block_id") == block_id)
    action = _action((block_id, element), slack) | {"selected_option": _option(element, values[block_id])}
    return await slack.send_interaction(
        slack_payloads.choice_body(slack.workspace.user(person), view, action, _trigger(slack, person))
    )


async def submit(slack: SlackStandIn, person: str, values: Mapping[str, str] | None = None) -> Answer:
    """Fill in the top form and send it; what the app answers happens to the form."""
    view = _top(slack, person)
    if errors := _fill(view, values or {}):
        slack.workspace.form_errors[person] = errors
        slack.workspace.changes += 1
        return Answer(0, {"response_action": "errors", "errors": errors})
    body = slack_payloads.submit_body(slack.workspace.user(person), view, _trigger(slack, person))
    answer = await slack.send_interaction(body)
    if answer.status == 200:
        _react(slack, person, view, answer.body)
    else:
        slack.workspace.form_errors[person] = {"": "We had some trouble connecting. Try again?"}
        slack.workspace.changes += 1
    return answer


async def post(slack: SlackStandIn, person: str, thread_ts: str, text: str, **more: Any) -> Answer:
    """A message of a person in a thread (``""``: in the channel); Slack escapes what was typed."""
    message: Json = {"user": person, "text": typed(text), **more}
    if thread_ts:
        message["thread_ts"] = thread_ts
    added = slack.workspace.add(slack.channel, message)
    return await slack.send_event(slack_payloads.message_event(added, slack.channel))


async def edit(slack: SlackStandIn, message_ts: str, text: str) -> Answer:
    message = slack.workspace.message(slack.channel, message_ts)
    before = dict(message)
    message["text"] = typed(text)
    message["edited"] = {"user": message.get("user"), "ts": slack.workspace.new_ts()}
    slack.workspace.changes += 1
    return await slack.send_event(
        slack_payloads.changed_event(message, before, slack.channel, slack.workspace.new_ts())
    )


async def delete(slack: SlackStandIn, message_ts: str) -> Answer:
    message = slack.workspace.message(slack.channel, message_ts)
    slack.workspace.messages[slack.channel].remove(message)
    slack.workspace.changes += 1
    return await slack.send_event(slack_payloads.deleted_event(message, slack.channel, slack.workspace.new_ts()))


async def shortcut(slack: SlackStandIn, person: str, message_ts: str, callback: str = "send_to_author") -> Answer:
    """The entry "Send to author" in the menu of a message."""
    message, workspace = slack.workspace.message(slack.channel, message_ts), slack.workspace
    body = slack_payloads.shortcut_body(
        workspace.user(person),
        message,
        workspace.channel(slack.channel),
        callback,
        _trigger(slack, person),
        workspace.new_ts(),
    )
    return await slack.send_interaction(body)


async def echo(slack: SlackStandIn, message_ts: str) -> Answer:
    """Slack also tells the app of its own messages."""
    message = slack.workspace.message(slack.channel, message_ts)
    return await slack.send_event(slack_payloads.message_event(message, slack.channel))


def typed(text: str) -> str:
    """Slack escapes three characters; real mention mark-up (``<@U…>``, ``<!here>``) is made by its editor, not typed."""
    parts: list[str] = []
    rest = text
    while rest:
        before, sign, after = rest.partition("<")
        parts.append(before.replace("&", "&amp;").replace(">", "&gt;"))
        inside, end, remaining = after.partition(">")
        if sign and end and inside[:1] in ("@", "!", "#"):
            parts.append(f"<{inside}>")
            rest = remaining
        else:
            parts.append("&lt;" if sign else "")
            rest = after
    return "".join(parts)


def _react(slack: SlackStandIn, person: str, view: Json, body: Json) -> None:
    """What ``response_action`` does; nothing closes the top form."""
    workspace, action = slack.workspace, body.get("response_action")
    if action == "errors":
        workspace.form_errors[person] = dict(body.get("errors") or {})
        workspace.changes += 1
    elif action == "push":
        workspace.open_view(person, checked_view(body.get("view")), push=True)
    elif action == "update":
        workspace.replace_view(view["id"], "", checked_view(body.get("view")))
    elif action == "clear":
        workspace.close_views(person)
    else:
        workspace.back(person)


def _top(slack: SlackStandIn, person: str) -> Json:
    stack = slack.workspace.views.get(person)
    if not stack:
        raise Refused("no form is open")
    return stack[-1]


def _fill(view: Json, values: Mapping[str, str]) -> dict[str, str]:
    """Put the values into the form's state, as Slack keeps it; returns what Slack itself would not let pass."""
    state: Json = {}
    errors: dict[str, str] = {}
    for block in view.get("blocks") or ():
        if block.get("type") != "input":
            continue
        element, given = block["element"], values.get(block["block_id"])
        errors |= _problem(block, given)
        state[block["block_id"]] = {element["action_id"]: _state(element, given)}
    view["state"] = {"values": state}
    return errors


def _problem(block: Mapping[str, Any], given: str | None) -> dict[str, str]:
    element = block["element"]
    initial = element.get("initial_value") or element.get("initial_option")
    limit = element.get("max_length")
    if not block.get("optional") and not (initial if given is None else given):
        return {block["block_id"]: "Please complete this required field."}
    if given and limit and len(given) > limit:
        return {block["block_id"]: f"Please enter at most {limit} characters."}
    return {}


def _state(element: Mapping[str, Any], given: str | None) -> Json:
    if element["type"] == "static_select":
        chosen = element.get("initial_option") if given is None else _option(element, given)
        return {"type": "static_select", "selected_option": chosen}
    value = element.get("initial_value") if given is None else given
    return {"type": element["type"], "value": value or None}


def _option(element: Mapping[str, Any], value: str) -> Json | None:
    if not value:
        return None
    for option in element.get("options") or ():
        if option["value"] == value:
            return dict(option)
    raise Refused(f"the form does not offer {value!r}")


def _find(blocks: list[Json], action_id: str) -> tuple[str, Json]:
    for block_id, element in _elements(blocks):
        if element.get("action_id") == action_id:
            return block_id, element
    raise Refused(f"this message has no button {action_id!r}")


def _elements(blocks: list[Json]) -> Iterator[tuple[str, Json]]:
    for block in blocks:
        if block.get("type") == "actions":
            yield from ((block.get("block_id", ""), element) for element in block["elements"])


def _action(found: tuple[str, Json], slack: SlackStandIn) -> Json:
    block_id, element = found
    kept: Json = {key: element[key] for key in ("action_id", "type", "text", "value", "style") if key in element}
    return {**kept, "block_id": block_id, "action_ts": slack.workspace.new_ts()}


def _trigger(slack: SlackStandIn, person: str) -> str:
    return slack.workspace.new_trigger(person)
