"""Pointing: words found where they stand, nearness as worked out by hand, and quotations that are the book's own."""

import math
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuoshu.answer.index import Index
from shuoshu.answer.point import best_run
from shuoshu.answer.quote import widest_quotes
from shuoshu.answer.signs import SIGNS
from shuoshu.answer.words import CLAUSE_END, CLOSE, POINT_SIGNS, Region, cut_regions, point_signs
from shuoshu.questions.stage import read_named

TESTS = [question for question in read_named("demo", "test") if question.level == "L3"]


def regions_of(question: str, index: Index) -> list[Region]:
    quotes = widest_quotes(question, index, 30)
    scores = np.array([quote.score for quote in quotes])
    return cut_regions(quotes, np.zeros((len(quotes), len(SIGNS)), dtype=np.float32), scores, {}, index)


def test_words_stand_where_they_are_said_to(novella_index: Index) -> None:
    for question in TESTS[:10]:
        regions = regions_of(question.question, novella_index)
        words, signs = point_signs(question.question, regions, novella_index)
        assert signs.shape == (len(words), len(POINT_SIGNS))
        assert np.isfinite(signs).all()
        places = set()
        for word in words:
            region = regions[word.region]
            assert region.text[word.start : word.end] == word.text
            places.add((region.quote.chapter, region.offset + word.start))
        assert len(places) == len(words)  # each once, though regions overlap


def test_regions_hold_their_windows_best_first(novella_index: Index) -> None:
    regions = regions_of(TESTS[0].question, novella_index)
    assert len(regions) == 10
    for region in regions:
        start = region.quote.start - region.offset
        assert region.text[start : start + len(region.quote.text)] == region.quote.text
    shares = [region.share for region in regions]
    assert shares == sorted(shares, reverse=True)
    assert sum(map(math.exp, shares)) <= 1 + 1e-6


def test_nearness_by_hand(novella_index: Index) -> None:
    """Brute force over every term and place, for every word of a region."""
    question = TESTS[3].question
    regions = regions_of(question, novella_index)[:2]
    words, signs = point_signs(question, regions, novella_index)
    wanted = novella_index.weigh(question)
    total = sum(wanted.values())
    column = POINT_SIGNS.index("near")
    for word, row in zip(words, signs, strict=True):
        region = regions[word.region]
        if any(region.text[a:b] != name for a, b, name in novella_index.lexicon.find(region.text)):
            continue  # people count by their own names too
        expected = 0.0
        for term, weight in wanted.items():
            away = [
                word.start - found.start() - len(term) if found.start() < word.start else found.start() - word.end
                for found in re.finditer(f"(?={re.escape(term)})", region.text)
                if found.start() >= word.end or found.start() + len(term) <= word.start
            ]
            if away:
                expected += weight / total * math.exp(-min(away) / CLOSE)
        assert row[column] == pytest.approx(expected, abs=1e-5)


def test_what_is_asked_for_is_told_from_what_is_said(novella_index: Index) -> None:
    words, signs = point_signs(question := "邵拙的灯铺在哪里？", regions_of(question, novella_index), novella_index)
    asked, place = signs[:, POINT_SIGNS.index("asked")], signs[:, POINT_SIGNS.index("where_place")]
    said = {word.text: bool(sign) for word, sign in zip(words, asked, strict=True)}
    assert said["邵拙"]
    assert said["灯铺"]
    assert any(word.text == "折柳镇" and sign == 1 for word, sign in zip(words, place, strict=True))
    assert not (asked * signs[:, POINT_SIGNS.index("person")]).any()


def test_company_counts_where_somebody_or_some_place_is_asked_for(novella_index: Index) -> None:
    columns = [POINT_SIGNS.index(name) for name in ("who_alike", "where_alike")]
    for question, kind in (("邵拙的师父是谁？", 0), ("邵拙的灯铺在哪里？", 1)):
        words, signs = point_signs(question, regions_of(question, novella_index), novella_index)
        alike = signs[:, columns]
        assert not alike[:, 1 - kind].any()
        said = [word.text in question for word in words]
        wanted = [novella_index.company.of(word.text)[kind] for word in words]
        np.testing.assert_allclose(alike[:, kind], np.where(said, 0, wanted), rtol=1e-6)
        assert alike.any()


def test_the_quotation_holds_what_is_pointed_at(novella_index: Index) -> None:
    """All the chance on one word: it is quoted, in the book's own words, no longer than allowed."""
    draw = np.random.default_rng(0)
    for question in TESTS[:12]:
        regions = regions_of(question.question, novella_index)
        words, _ = point_signs(question.question, regions, novella_index)
        chosen = int(draw.integers(len(words)))
        chances = np.zeros(len(words))
        chances[chosen] = 1
        pointed = best_run(regions, words, chances, novella_index)
        if not pointed.mass:
            continue  # cut off at the edge of a region, or in a clause longer than a quotation
        quote = pointed.quote
        assert words[chosen].text in quote.text
        assert pointed.mass == pytest.approx(1)
        assert pointed.worth[words[chosen].text] == pytest.approx(1)
        assert regions[pointed.region].quote.chapter == quote.chapter
        assert len(unicodedata.normalize("NFKC", quote.text)) <= novella_index.options.window
        assert any(
            p.text[quote.start - p.start : quote.end - p.start] == quote.text
            for p in novella_index.passages_at(quote.book, quote.chapter, quote.start, quote.end)
        )


def test_the_quotation_is_the_best_of_all(novella_index: Index) -> None:
    """Against every pair of places where a clause may begin and end: none is likelier by more than form is worth."""
    for question in TESTS[5:9]:
        regions = regions_of(question.question, novella_index)[:3]
        words, _ = point_signs(question.question, regions, novella_index)
        chances = np.random.default_rng(1).dirichlet(np.full(len(words), 0.1))
        worth: dict[str, float] = {}
        for word, chance in zip(words, chances, strict=True):
            worth[word.text] = worth.get(word.text, 0) + chance
        best = 0.0
        for number, region in enumerate(regions):
            window = {region.quote.start - region.offset, region.quote.end - region.offset}
            bounds = sorted(window | {found.end() for found in CLAUSE_END.finditer(region.text)})
            for start in bounds:
                for end in bounds:
                    run = region.text[start:end].rstrip()
                    if run and len(unicodedata.normalize("NFKC", run)) <= novella_index.options.window:
                        inside = {w.text for w in words if w.region == number and w.start >= start and w.end <= end}
                        best = max(best, sum(worth[text] for text in inside))
        mass = best_run(regions, words, chances, novella_index).mass
        assert best * 0.9 / 1.15 <= mass <= best + 1e-9


def test_quotations_read_well(novella_index: Index) -> None:
    """Of equals, one that begins with a sentence and stays in its paragraph."""
    quotes = []
    for question in TESTS:
        regions = regions_of(question.question, novella_index)
        words, _ = point_signs(question.question, regions, novella_index)
        quotes.append(best_run(regions, words, np.full(len(words), 1e-3), novella_index).quote)
    begins = [novella_index.text(q.book, q.chapter, q.start - 1, q.start)[0] for q in quotes]
    assert np.mean([not before or before in "。！？…”“’‘ \n" for before in begins]) > 0.75
    assert np.mean(["\n" in quote.text for quote in quotes]) < 0.15


def test_nothing_to_point_at(novella_index: Index) -> None:
    regions = regions_of(TESTS[0].question, novella_index)
    pointed = best_run(regions, [], np.zeros(0), novella_index)
    assert (pointed.quote, pointed.region, pointed.mass) == (regions[0].quote, 0, 0)


@given(st.text(max_size=40))
def test_any_question(novella_index: Index, question: str) -> None:
    quotes = widest_quotes(question, novella_index, 30)
    if quotes:
        words, signs = point_signs(question, regions_of(question, novella_index), novella_index)
        assert np.isfinite(signs).all()
        assert len(words) == len(signs)
