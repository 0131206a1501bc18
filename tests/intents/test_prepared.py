"""The reader that is made from one prepared file reads as the one made from scratch does; and the parts of learning."""

from __future__ import annotations

import math
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from inbox.errors import DataError
from inbox.intents import catalog, embedding, examples, features, fitted, prepared
from inbox.intents.embedding import Embedding
from inbox.intents.fitting import Rows, Views
from inbox.intents.normalize import fold, prepare
from inbox.intents.repair import Repair
from inbox.intents.sums import Sums
from inbox.intents.understanding import Context

CONTEXT = Context(now=datetime(2026, 3, 11, 15, 0, tzinfo=UTC))


def test_a_prepared_reader_reads_the_same(tmp_path, monkeypatch, reader):
    first = prepared.reader(tmp_path)
    assert len(list(tmp_path.glob("reader-*.npz"))) == 1
    monkeypatch.setattr(examples, "load", lambda *_: pytest.fail("the examples were read again"))
    monkeypatch.setattr(catalog, "load", lambda *_: pytest.fail("the phrases were read again"))
    monkeypatch.setattr(fitted, "of", lambda *_: pytest.fail("learned again"))
    again = prepared.reader(tmp_path)
    for text in (
        "Hi, what do I stil owe on INV-30412? And wher is my royalti payment",
        "quiero un reembolso, me cobraron dos veces",
        "zxqwv plmkn",
        "i lost my sister's login, my lawyer will call",
        "obrigado",
    ):
        wanted = reader.read(text, CONTEXT)
        assert first.read(text, CONTEXT) == again.read(text, CONTEXT)
        assert again.read(text, CONTEXT).route is wanted.route
        assert [(c.intent, pytest.approx(c.score, abs=1e-3)) for c in wanted.candidates] == [
            (c.intent, c.score) for c in again.read(text, CONTEXT).candidates
        ]


def test_a_prepared_file_that_cannot_be_read_is_made_anew(tmp_path):
    prepared.reader(tmp_path)
    (kept,) = tmp_path.glob("reader-*.npz")
    kept.write_bytes(b"PK\x03\x04 broken")
    assert prepared.reader(tmp_path).read("what is my balance", CONTEXT).intents == ("account_balance",)
    assert kept.stat().st_size > 100_000


def test_without_a_home_nothing_is_kept(monkeypatch):
    def homeless(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    place = fitted.kept_in(fitted.FOLDER) / "reader-x.npz"
    fitted.write(place, {"one": np.zeros(1)})
    assert fitted.read(place, dict) is None


def test_other_phrases_make_another_file(tmp_path, monkeypatch):
    before = prepared._key()
    folder = tmp_path / "catalog"
    shutil.copytree(catalog.FOLDER, folder)
    monkeypatch.setattr(catalog, "FOLDER", folder)
    assert prepared._key() == before
    path = folder / "greeting.toml"
    path.write_text(path.read_text() + "\n# changed\n")
    assert prepared._key() != before


def test_patterns_without_phrases(tmp_path):
    whole, bare = catalog.load(), catalog.load_patterns()
    assert list(bare.phrases) == []
    assert [e.patterns for e in bare.entries.values()] == [e.patterns for e in whole.entries.values()]
    with pytest.raises(DataError, match="no file for"):
        catalog.load_patterns(tmp_path)


def test_sums_are_those_of_the_matrix():
    random = np.random.default_rng(7)
    row, column = random.integers(0, 40, 900), random.integers(0, 30, 900)
    row[:150] = 3  # one long list
    values = random.standard_normal(900).astype(np.float32)
    for given in (None, values):
        matrix = np.zeros((41, 30), np.float32)  # the last row is empty
        np.add.at(matrix, (row, column), 1.0 if given is None else given)
        sums = Sums(row, column, matrix.shape, given)
        dense, other = random.standard_normal((30, 5)).astype(np.float32), random.standard_normal((41, 5)).astype("f4")
        assert np.allclose(sums.times(dense), matrix @ dense, atol=1e-4)
        assert np.allclose(sums.back(other), matrix.T @ other, atol=1e-4)


def test_rows_of_texts_are_of_length_one_in_each_view():
    texts = [("pay", "my", "bill"), ("pay", "me"), ("bill",), (), ("my", "bill", "my")]
    known = {w: n for n, w in enumerate(dict.fromkeys(w for text in texts for w in text))}
    views = []
    for of in (features.of_word, features.of_letters):
        groups = [features.checksums(of(w)) for w in known]
        of_texts = [features.checksums(f for w in text for f in of(w)) for text in texts]
        views.append((groups, features.rare(of_texts)))
    rows = Rows(texts, known, Views(*views, [features.NONE for _ in texts]))
    whole = rows.times(np.eye(rows.shape[1], dtype=np.float32))
    for view in (whole[:, : features.WIDTH], whole[:, features.WIDTH : 2 * features.WIDTH]):
        assert np.linalg.norm(view[0]) == pytest.approx(1.0, abs=0.2)  # but for columns that are shared by chance
        assert not view[3].any()
    back = rows.back(np.eye(len(texts), dtype=np.float32))
    assert np.allclose(back.T, whole, atol=1e-6)


def test_features_are_known_by_their_checksum():
    told = [["w pay", "w bill"], ["w pay"], ["w bill", "w once", "w once"], ["w pay"], *[[]] * 6]
    known = features.rare([features.checksums(text) for text in told])
    weights = known.of(features.checksums(["w pay", "w once", "w bill", "w never"]))
    assert (weights != 0).tolist() == [True, False, True, False]
    assert abs(weights[0]) == pytest.approx(math.log(11 / 4) + 1)
    assert abs(weights[2]) == pytest.approx(math.log(11 / 3) + 1)
    assert not features.Rare(known.keys[:0], known.values[:0]).of(features.checksums(["w pay"])).any()
    pairs = features.of_pairs(("paying", "bills", "now"))
    assert (
        pairs.tolist()
        == features.checksums([features.of_pair("paying", "bills"), features.of_pair("bills", "now")]).tolist()
    )


def test_pieces_of_words():
    table = np.eye(4, dtype=np.int8)
    vectors = Embedding(["pay", "##ment", "bill", "##s"], table, np.arange(1, 5, dtype=np.float32))
    assert vectors.of("payment").tolist() == [1, 2, 0, 0]
    assert vectors.of_all(("bills", "pay", "unknown")).tolist() == [1, 0, 3, 4]
    assert vectors.of("payday").tolist() == [0, 0, 0, 0]
    packaged = embedding.load()
    assert packaged is not None
    assert packaged.of("royalties").any()


def test_repair_looks_at_words_of_like_length_only():
    repair = Repair((), ("refunded", "statement"))
    assert repair.words(("refundd", "statment", "reembolzo")) == ("refund", "statement", "reembolso")
    assert all(abs(len(word) - length) <= 2 for (_, length), words in repair._nearby.items() for word in words)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("¿Cuándo?", "¿cuando?"),
        ("NÃO", "nao"),
        ("İ", "i"),
        ("дом ё", "дом е"),
        ("a\u0301\u034f", "a\u034f"),
        ("x\u20d7", "x"),
    ],
)
def test_folding(text, plain):
    assert fold(text) == plain


def test_the_words_of_each_clause():
    text = prepare("hello. my balance! thanks")
    assert [text.words(n) for n in range(3)] == [("hello",), ("my", "balance"), ("thanks",)]
    assert prepare("").words(0) == ()
