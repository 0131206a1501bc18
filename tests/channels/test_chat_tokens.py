"""Visitor credentials and author tokens: who gets in, and who does not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from inbox.channels import chat_tokens as tokens
from inbox.errors import Unauthentic

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
KEY, OLD_KEY, OTHER = "k" * 32, "o" * 32, "x" * 32


def token(key=KEY, /, algorithm="HS256", **claims):
    standard = {"sub": "AC-1", "exp": int(NOW.timestamp()) + 600}
    return jwt.encode({k: v for k, v in (standard | claims).items() if v is not None}, key, algorithm=algorithm)


def test_a_credential_opens_its_own_visitor_only():
    mine = tokens.credential_of("v-one", (KEY,))
    assert tokens.read_visitor(mine, (KEY,)) == "v-one"
    assert tokens.read_visitor(mine.replace("v-one", "v-two"), (KEY,)) == ""
    assert tokens.read_visitor("v-one", (KEY,)) == ""
    assert tokens.read_visitor("v-one.", (KEY,)) == ""
    assert tokens.read_visitor("", (KEY,)) == ""
    assert tokens.read_visitor(mine[:-1] + "é", (KEY,)) == ""


def test_a_credential_of_the_previous_secret_still_opens():
    old = tokens.credential_of("v-one", (OLD_KEY,))
    assert tokens.read_visitor(old, (KEY, OLD_KEY)) == "v-one"
    assert tokens.read_visitor(old, (KEY,)) == ""


def test_a_good_token_names_the_author():
    author = tokens.read_author(token(name="Rosa Ito", lang="pt-BR", aud="inbox-chat"), (KEY,), NOW)
    assert (author.account_id, author.name, author.language) == ("AC-1", "Rosa Ito", "pt")
    assert author.expires_at == NOW + timedelta(minutes=10)


def test_our_own_signing_function_is_accepted():
    made = tokens.sign_author("AC-7", KEY, NOW, name="Bo", language="es")
    author = tokens.read_author(made, (KEY,), NOW)
    assert (author.account_id, author.name, author.language) == ("AC-7", "Bo", "es")


def test_the_previous_token_secret_still_works():
    assert tokens.read_author(token(OLD_KEY), (KEY, OLD_KEY), NOW).account_id == "AC-1"


@pytest.mark.parametrize("seconds", [0, -1, -86_400])
def test_an_expired_token_is_told_apart(seconds):
    with pytest.raises(tokens.ExpiredToken):
        tokens.read_author(token(exp=int(NOW.timestamp()) + seconds), (KEY,), NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": int(NOW.timestamp()) + 3600},
        {"exp": 10**30},
        {"exp": True},
        {"exp": 1.5e9},
        {"sub": None},
        {"sub": ""},
        {"sub": "a" * 101},
        {"sub": "AC-1\nX"},
        {"aud": "another-service"},
        {"aud": ["inbox-chat", "another-service"]},
        {"nbf": int(NOW.timestamp()) + 300},
        {"nbf": "soon"},
    ],
)
def test_a_token_that_says_too_little_or_too_much_is_refused(claims):
    with pytest.raises(Unauthentic) as caught:
        tokens.read_author(token(**claims), (KEY,), NOW)
    assert not isinstance(caught.value, tokens.ExpiredToken)


def test_an_expired_forgery_is_a_forgery():
    with pytest.raises(Unauthentic) as caught:
        tokens.read_author(token(OTHER, exp=1), (KEY,), NOW)
    assert not isinstance(caught.value, tokens.ExpiredToken)


def test_forged_tokens_are_refused():
    good = token()
    head, body, signature = good.split(".")
    other_body = base64.urlsafe_b64encode(
        json.dumps({"sub": "AC-2", "exp": int(NOW.timestamp()) + 600}).encode()
    ).decode()
    unsigned = jwt.encode({"sub": "AC-1", "exp": int(NOW.timestamp()) + 600}, None, algorithm="none")
    forged = [
        token(OTHER),
        f"{head}.{other_body.rstrip('=')}.{signature}",
        f"{head}.{body}.",
        unsigned,
        token("h" * 64, algorithm="HS512"),
        token(KEY * 2, algorithm="HS512"),
        "not a token",
        "a.b.c",
        "....",
    ]
    for bad in forged:
        with pytest.raises(Unauthentic):
            tokens.read_author(bad, (KEY,), NOW)


def test_without_secrets_no_token_is_good():
    with pytest.raises(Unauthentic, match=r"chat\.token_secrets"):
        tokens.read_author(token(), (), NOW)


def test_an_author_has_a_point_of_their_own():
    author = tokens.read_author(token(), (KEY,), NOW)
    assert tokens.point_of("v-1", author) == tokens.point_of("v-2", author)
    assert tokens.point_of("v-1", None) != tokens.point_of("v-1", author)
    assert "AC-1" not in tokens.view_of(tokens.point_of("v-1", author))


def test_the_example_in_the_handbook_makes_a_good_token():
    handbook = (Path(__file__).parents[2] / "docs" / "chat.md").read_text("utf-8")
    example: dict[str, Any] = {}
    exec(handbook.partition("```python\n")[2].partition("```")[0], example)  # our own document
    author = tokens.read_author(example["author_token"]("AC-9", KEY), (KEY,), datetime.now(UTC))
    assert author.account_id == "AC-9"
