"""One reader for all tests of this folder: it is immutable, and takes a moment to make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from inbox.intents.catalog import load
from inbox.intents.reader import CatalogReader
from inbox.intents.understanding import Context, Understanding

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)  # a Wednesday


@pytest.fixture(scope="session")
def reader() -> CatalogReader:
    return CatalogReader(load())


Read = Callable[..., Understanding]


@pytest.fixture(scope="session")
def read(reader: CatalogReader) -> Read:
    def read_one(text: str, channel: str = "chat", **context: object) -> Understanding:
        return reader.read(text, Context(**{"now": NOW, "channel": channel, **context}))  # type: ignore[arg-type]  # as given

    return read_one
