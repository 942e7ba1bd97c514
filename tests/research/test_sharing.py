"""How long a briefing of a held share stays good."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from arena_pipeline.news.articles import Article
from arena_pipeline.research.sharing import Why, ended_by

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def told(title: str, sentiment: float = 0.0) -> Article:
    return Article(
        "article:1", title, "", "https://x.test", "wire", "en", AT, AT, ("SAP.DE",), sentiment, 1, "raw"
    )


@pytest.mark.parametrize(
    ("articles", "then", "now", "why"),
    [
        ([], 100.0, 100.0, None),
        ([], 100.0, 102.9, None),
        ([], 100.0, 103.0, Why.PRICE_GAP),
        ([], 100.0, 97.0, Why.PRICE_GAP),
        ([], None, 97.0, None),
        ([told("SAP in the park")], 100.0, 100.0, None),
        ([told("SAP in the park", 0.6)], 100.0, 100.0, Why.NEWS),
        ([told("SAP in the park", -0.7)], 100.0, 100.0, Why.NEWS),
        ([told("SAP cuts its outlook")], 100.0, 100.0, Why.NEWS),
        ([told("SAP cuts its outlook")], 100.0, 110.0, Why.NEWS),
    ],
)
def test_news_of_weight_or_a_price_gap_end_it(
    articles: list[Article], then: float | None, now: float | None, why: Why | None
) -> None:
    assert ended_by(articles, then, now, gap=0.03) is why
