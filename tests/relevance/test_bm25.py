"""BM25: the ranking of rank-bm25, scores from 0 to 1, and the words that matched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from headroom_stream.errors import ConfigurationError
from headroom_stream.relevance import BM25Scorer
from headroom_stream.relevance.bm25 import words

VOCABULARY = ["disk", "full", "timeout", "node", "db", "17", "4711", "connection", "ok", "ä", "x_y"]
documents = st.lists(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12), min_size=1, max_size=25)
queries = st.lists(st.sampled_from([*VOCABULARY, "absent"]), min_size=1, max_size=6)


@given(documents, queries, st.sampled_from([(1.5, 0.75), (1.2, 0.0), (2.0, 1.0)]))
def test_raw_scores_are_those_of_rank_bm25(corpus: list[list[str]], query: list[str], parameters: tuple[float, float]) -> None:
    k1, b = parameters
    query = [word for word in query if 2 * sum(word in document for document in corpus) != len(corpus)]
    theirs = BM25Okapi(corpus, k1=k1, b=b)
    ours = BM25Scorer(k1, b).raw([" ".join(document) for document in corpus], " ".join(query))
    if theirs.average_idf > 1e-9 or all(2 * sum(word in document for document in corpus) < len(corpus) for word in query):
        assert np.allclose(ours, theirs.get_scores(query))
    else:  # there its weights for common words are not above zero, and their matches would not count
        assert [bool(score > 0) for score in ours] == [bool(set(query) & set(document)) for document in corpus]


@given(documents, queries)
def test_scores_keep_the_order_of_raw_scores_where_no_long_word_matches(corpus: list[list[str]], query: list[str]) -> None:
    items = [" ".join(document) for document in corpus]
    short = " ".join(word for word in query if len(word) < 8)
    for max_score in (0.1, 10.0):
        scorer = BM25Scorer(max_score=max_score)
        scores = [result.score for result in scorer.score_items(items, short)]
        raw = scorer.raw(items, short)
        assert all((scores[i] < scores[j]) <= (raw[i] < raw[j]) for i in range(len(items)) for j in range(len(items)))
        assert all(0 <= score <= 1 for score in scores)
        assert len({round(float(value), 12) for value in raw}) == len(
            {round(score * max(max_score, raw.max()), 12) for score in scores}
        )


@given(st.lists(st.text() | st.integers() | st.none() | st.dictionaries(st.text(), st.floats()), max_size=8), st.text())
def test_any_items_are_scored(items: list[Any], query: str) -> None:
    results = BM25Scorer().score_items(items, query)
    assert len(results) == len(items)
    assert all(0 <= r.score <= 1 and (r.score == 0 or r.matched_terms) for r in results)
    assert results == BM25Scorer().score_items(items, query)


def test_the_page_example_finds_the_item_that_is_asked_for() -> None:
    first, second = BM25Scorer().score_items(items=["item 1", "item 2"], query="item 2")
    assert second.score > first.score > 0
    assert second.matched_terms == ["item", "2"]
    assert second.reason == "2 words match: item, 2"


def test_a_word_in_just_half_of_the_items_counts() -> None:
    scores = BM25Scorer().score_items(["disk full", "disk ok", "node up", "node down"], "disk")
    assert [bool(s.score) for s in scores] == [True, True, False, False]


def test_items_may_be_values() -> None:
    rows = [{"host": "db-17", "state": "refused"}, {"host": "db-18", "state": "ok"}, ["refused"], 17]
    scores = BM25Scorer().score_items(rows, "which host refused?")
    assert [bool(s.score) for s in scores] == [True, True, True, False]
    assert max(scores, key=lambda s: s.score) is scores[0]


def test_a_long_matched_word_lifts_the_score() -> None:
    items = ["connection lost", "nothing here", "no word of it", "other things", "more of that"]
    lifted, plain = BM25Scorer().score_items(items, "connection")[0], BM25Scorer().score_items(items, "lost")[0]
    assert lifted.score == pytest.approx(plain.score + 0.3 * (1 - plain.score))


def test_raw_scores_may_be_asked_for() -> None:
    items = ["disk full", "disk ok", "node up", "node down", "other"]
    scorer = BM25Scorer(normalize_score=False)
    assert [r.score for r in scorer.score_items(items, "full")] == pytest.approx([min(1.0, v) for v in scorer.raw(items, "full")])


def test_a_uuid_is_one_word() -> None:
    uuid = "9993c962-d242-4aa5-9f0d-9ffc0bdd01fa"
    assert words(f"key {uuid.upper()}, id 4711.") == ["key", uuid, "id", "4711"]
    hit, near = BM25Scorer().score_items([uuid, uuid[:-1] + "b"], uuid)
    assert hit.score > 0 and near.score == 0


def test_the_names_of_the_original_score_alike() -> None:
    scorer = BM25Scorer()
    assert scorer.score_batch(["a b", "c"], "c") == scorer.score_items(["a b", "c"], "c")
    assert scorer.score("the disk is full", "disk full").score == scorer.score_items(["the disk is full"], "disk full")[0].score > 0


@pytest.mark.parametrize("given", [{"k1": 0}, {"b": 1.1}, {"max_score": 0}])
def test_parameters_out_of_range_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        BM25Scorer(**given)  # type: ignore[arg-type]  # normalize_score is not among them
