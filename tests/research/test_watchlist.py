"""The watchlist: the most moving shares, in an order that anybody can repeat."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.news.momentum import MomentumRow
from arena_pipeline.research.watchlist import watchlist


def row(symbol: str, score: float, articles: int = 1) -> MomentumRow:
    return MomentumRow(
        symbol, articles, 1, score, score, None, None, score, (), None if articles else "no news"
    )


def test_the_strongest_news_comes_first_in_either_direction() -> None:
    rows = watchlist([row("A.DE", 0.2), row("B.DE", -0.9), row("C.DE", 0.5)], {})
    assert [(r.symbol, r.rank) for r in rows] == [("B.DE", 1), ("C.DE", 2), ("A.DE", 3)]
    assert rows[0].score == -0.9
    assert rows[0].why == "news momentum -0.90 from 1 article; 5-day change unknown"


def test_equal_news_is_ordered_by_the_move_and_then_by_symbol() -> None:
    indicators = {"C.DE": {"change_5d": -0.08}, "B.DE": {"change_5d": 0.01}, "A.DE": {"change_5d": 0.01}}
    rows = watchlist([row(s, 0.3) for s in ("C.DE", "B.DE", "A.DE")], indicators)
    assert [r.symbol for r in rows] == ["C.DE", "A.DE", "B.DE"]


def test_shares_without_news_follow_those_with_news() -> None:
    rows = watchlist([row("A.DE", 0.1, 2), row("B.DE", 0.0, 0)], {"B.DE": {"change_5d": 0.5}, "C.DE": {}})
    assert [r.symbol for r in rows] == ["A.DE", "B.DE", "C.DE"]
    assert rows[0].why.startswith("news momentum +0.10 from 2 articles")
    assert rows[1].why == "no news; 5-day change +50.0%"


def test_without_any_news_the_move_against_the_daily_range_decides_and_it_says_so() -> None:
    indicators: dict[str, dict[str, float | None]] = {
        "CALM.DE": {"change_5d": 0.03, "atr_14": 1.0, "close": 100.0},
        "WILD.DE": {"change_5d": 0.04, "atr_14": 8.0, "close": 100.0},
        "NEW.DE": {"change_5d": None, "atr_14": None, "close": None},
    }
    rows = watchlist([row(symbol, 0.0, 0) for symbol in indicators], indicators)
    assert [r.symbol for r in rows] == ["CALM.DE", "WILD.DE", "NEW.DE"]
    assert rows[0].why == "no news about any share; 5-day change +3.0%, 3.0 against its daily range"
    assert rows[2].why == "no news about any share; 5-day change unknown"


def test_the_list_has_its_size_and_ranks_without_gaps() -> None:
    rows = watchlist([row(f"S{n:02}.DE", n / 100) for n in range(30)], {}, size=7)
    assert [r.rank for r in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert watchlist([], {}) == []


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.dictionaries(st.sampled_from(["A.DE", "B.DE", "C.DE", "D.DE"]), st.floats(-3, 3)),
    st.dictionaries(
        st.sampled_from(["A.DE", "B.DE", "E.DE"]),
        st.fixed_dictionaries({"change_5d": numbers, "atr_14": numbers, "close": numbers}),
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_depends_on_nothing_but_the_values(
    scores: dict[str, float], indicators: dict[str, dict[str, float | None]], rng: random.Random
) -> None:
    rows = [row(symbol, score) for symbol, score in scores.items()]
    shuffled = list(rows)
    rng.shuffle(shuffled)
    reversed_indicators = dict(reversed(list(indicators.items())))
    assert watchlist(rows, indicators) == watchlist(shuffled, reversed_indicators)
