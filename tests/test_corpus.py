"""What is known of a corpus as a whole, and the arithmetic of BM25."""

from __future__ import annotations

import math
from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import SEOUL, ArticleHeader
from index.corpus import (
    CorpusStatistics,
    FieldStatistics,
    NameTable,
    cosine_spread,
    hash_term,
    hashes,
    length_norms,
)

WORDS = st.sampled_from("가나다라마바사")
PASSAGES = [["트램", "착공"], ["트램", "트램", "연기"], ["바다"]]


def corpus_of(passages: list[list[str]]) -> CorpusStatistics:
    vectors = np.zeros((len(passages), 4), dtype=np.float32)
    return CorpusStatistics.of(1, [], [], [{"words": passage} for passage in passages], vectors)


def test_hashes_are_the_same_everywhere() -> None:
    """Another value means: stored terms and labels match no new ones, so the format must change."""
    assert hash_term("트램") == 13035983316875039986
    assert hashes(["트램"]).tolist() == [hash_term("트램")]


def test_idf_is_that_of_lucene() -> None:
    idf = corpus_of(PASSAGES).idf("words", ["트램", "착공", "우주선", "트램"])
    assert list(idf) == ["트램", "착공", "우주선"]
    assert idf["트램"] == pytest.approx(math.log(1 + (3 - 2 + 0.5) / (2 + 0.5)))
    assert idf["착공"] == pytest.approx(math.log(1 + (3 - 1 + 0.5) / (1 + 0.5)))
    assert idf["우주선"] == pytest.approx(math.log(1 + (3 + 0.5) / 0.5))


def test_weights_are_shares_of_what_could_be_reached() -> None:
    corpus = corpus_of(PASSAGES)
    idf = corpus.idf("words", ["트램", "우주선"])
    weights = corpus.weights("words", ["트램", "우주선"])
    assert weights == {"트램": pytest.approx(idf["트램"] / sum(idf.values()))}
    assert corpus.weights("words", []) == corpus.weights("elsewhere", ["트램"]) == {}
    assert sum(corpus.weights("words", ["트램", "착공", "바다"]).values()) == pytest.approx(1)


@given(st.lists(st.lists(WORDS, max_size=6), max_size=8), st.lists(WORDS, max_size=5))
def test_frequencies_are_counted_over_passages(passages: list[list[str]], asked: list[str]) -> None:
    found = FieldStatistics.of(passages)
    expected = [sum(term in passage for passage in passages) for term in asked]
    assert found.frequencies(asked) == expected
    assert (np.diff(found.terms.astype(object)) > 0).all()
    total = sum(map(len, passages))
    assert found.average_length == pytest.approx(max(total / len(passages), 1) if passages else 1)
    known = corpus_of(passages).known("words", asked)
    assert set(known) == {term for term, count in zip(asked, expected, strict=True) if count}


def test_norms_grow_with_the_length() -> None:
    norms = length_norms(np.array([0, 10, 20], dtype=np.uint32), 10.0)
    assert norms.tolist() == pytest.approx([1.2 * 0.25, 1.2, 1.2 * 1.75])


def test_an_empty_corpus_knows_nothing() -> None:
    corpus = CorpusStatistics()
    assert corpus.idf("words", ["트램"]) == {"트램": pytest.approx(math.log(2))}
    assert corpus.known("words", ["트램"]) == corpus.aliases(["한은"]) == {}
    assert not corpus.has_reporter("여운찬")
    assert cosine_spread(np.zeros((2, 4), dtype=np.float32)) == 0


def test_of_other_names_the_two_that_most_articles_give_are_kept() -> None:
    counts = [
        ("한은", "한국은행", 3),
        ("한은", "한은행", 1),
        ("한은", "한국은", 3),
        ("gist", "지스트", 1),
    ]
    table = NameTable.of(counts)
    assert table.names(["한은", "모름", "gist"]) == {
        "한은": ["한국은", "한국은행"],
        "gist": ["지스트"],
    }
    with pytest.raises(ValueError, match="one more"):
        NameTable(table.keys, table.starts[:-1], table.text)


def whole() -> CorpusStatistics:
    day = datetime(2026, 3, 2, 1, tzinfo=SEOUL)
    articles = [
        ArticleHeader(
            id="a", title="트램", press="해담일보", reporters=("여운찬",), published_at=day
        ),
        ArticleHeader(id="b", title="바다", section="문화"),
    ]
    names = [("한은", "한국은행"), ("한은", "한국은행"), ("gist", "광주과학기술원")]
    terms = [{"words": passage, "grams": passage[:1]} for passage in PASSAGES]
    return CorpusStatistics.of(7, articles, names, terms, np.eye(3, dtype=np.float32))


def test_a_document_holds_it_all() -> None:
    corpus = whole()
    again = CorpusStatistics.from_bytes(corpus.to_bytes())
    for one in (corpus, again):
        assert (one.generation, one.passages, one.cosine_spread) == (7, 3, 0.0)
        assert (one.first_day, one.last_day) == (date(2026, 3, 2), date(2026, 3, 2))
        assert (one.presses, one.sections) == (("해담일보",), ("문화",))
        assert one.has_reporter("여운찬")
        assert not one.has_reporter("진유채")
        assert one.aliases(["한은", "gist"]) == {"한은": ["한국은행"], "gist": ["광주과학기술원"]}
        assert one.idf("words", ["트램", "없다"]) == corpus.idf("words", ["트램", "없다"])
        assert one.fields["grams"].average_length == 1
    assert CorpusStatistics.from_bytes(CorpusStatistics().to_bytes()).first_day is None


@pytest.mark.parametrize("document", [b"", b"nothing", b"PK\x03\x04", whole().to_bytes()[:-30]])
def test_other_documents_are_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"no statistics|pickle"):
        CorpusStatistics.from_bytes(document)
