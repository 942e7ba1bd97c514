"""As-of readers: the only way that domain steps read raw data.

A reader loads a span of days once; what comes back answers "as known before t". Nothing here looks at a
clock, and nothing hands out a row whose `known_at` is not before the time asked for.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from arena_pipeline.market.bars import Bar
from arena_pipeline.market.calendar import TradingCalendar
from arena_pipeline.market.splits import Split, Splits
from arena_pipeline.market.vintages import BarHistory
from arena_pipeline.news.articles import Article
from arena_pipeline.news.health import FeedAnswer
from arena_pipeline.research.figures import Figure
from arena_pipeline.settings import Model, ModelKind
from arena_pipeline.strategies import strategy_named
from arena_pipeline.trading.book import MarketDay
from arena_pipeline.trading.corporate_actions import CorporateAction
from arena_pipeline.warehouse.rows import (
    action_from,
    article_from,
    bar_from,
    feed_answer_from,
    figure_from,
)
from arena_pipeline.warehouse.store import ArenaStore, Row
from arena_pipeline.warehouse.tables import models


def end_of_day(calendar: TradingCalendar, day: date) -> datetime:
    """Midnight after a trading day in the market's own time, UTC: what the replay of that day may know."""
    return datetime.combine(day + timedelta(days=1), time(0), tzinfo=calendar.zone).astimezone(UTC)


def daily_bars(store: ArenaStore, first: date) -> BarHistory:
    """All vintages of the daily bars from `first` on, with the splits that lie between them."""
    rows = store.rows("daily_bars", "day >= $first", first=first)
    return BarHistory((bar_from(row) for row in rows), Splits(splits(store)))


def intraday_bars(store: ArenaStore) -> BarHistory:
    """All vintages of all 15-minute bars."""
    return BarHistory(bar_from(row) for row in store.rows("intraday_bars"))


def splits(store: ArenaStore) -> list[Split]:
    """Every split that is known."""
    return [
        Split(action.symbol, action.ex_date, action.ratio, action.known_at)
        for action in corporate_actions(store)
        if action.ratio is not None
    ]


def corporate_actions(store: ArenaStore) -> list[CorporateAction]:
    return [action_from(row) for row in store.rows("corporate_actions")]


def registrations(store: ArenaStore) -> list[Model]:
    """Every model that was ever registered, as it was then, by id; without its budget, which is not kept."""
    with store.ledger.read() as connection:
        rows = connection.execute(select(models).order_by(models.c.id)).all()
    return [
        Model(
            id=row.id,
            kind=ModelKind(row.kind),
            model=row.model,
            strategy=strategy_named(row.strategy),
            knowledge_cutoff=date.fromisoformat(row.knowledge_cutoff) if row.knowledge_cutoff else None,
        )
        for row in rows
    ]


class NewsHistory:
    """Articles by the time they became known."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self._articles = sorted(articles, key=lambda article: (article.known_at, article.id))
        self._known_at = [article.known_at for article in self._articles]

    def known(self, before: datetime, *, since: datetime) -> list[Article]:
        """Articles with since <= known_at < before."""
        return self._articles[
            bisect.bisect_left(self._known_at, since) : bisect.bisect_left(self._known_at, before)
        ]


def articles(store: ArenaStore, first: date, last: date) -> NewsHistory:
    """The articles collected for the trading days from `first` to `last`."""
    rows = store.rows(
        "articles", "partition BETWEEN $first AND $last", first=first.isoformat(), last=last.isoformat()
    )
    return NewsHistory(article_from(row) for row in rows)


def news(store: ArenaStore, first: date, last: date) -> NewsHistory:
    """The same, and what was found by searches for sessions of these days."""
    rows = [
        row
        for table in ("articles", "found_articles")
        for row in store.rows(
            table,
            "substr(partition, 1, 10) BETWEEN $first AND $last",
            first=first.isoformat(),
            last=last.isoformat(),
        )
    ]
    return NewsHistory(article_from(row) for row in rows)


def feed_answers(store: ArenaStore, days: Sequence[str]) -> dict[str, list[FeedAnswer]]:
    """What came of the requests to feeds, by trading day (ISO dates); no entry for a day without any."""
    answers: dict[str, list[FeedAnswer]] = defaultdict(list)
    for row in store.rows("feed_answers", "list_contains($days, partition)", days=list(days)):
        answers[row["partition"]].append(feed_answer_from(row))
    return dict(answers)


class FigureHistory:
    """Figures by symbol and the time they became known; rows without a value are not figures."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._figures: dict[str, list[Figure]] = defaultdict(list)
        for row in rows:
            if row["value"] is not None:
                self._figures[row["symbol"]].append(figure_from(row))

    def known(self, symbol: str, before: datetime) -> list[Figure]:
        """All figures of a symbol known before a time, of every vendor, earlier ones too."""
        return [figure for figure in self._figures.get(symbol, ()) if figure.known_at < before]


def figures(store: ArenaStore, last: date) -> FigureHistory:
    return FigureHistory(store.rows("financials", "partition <= $last", last=last.isoformat()))


def market_day(
    calendar: TradingCalendar,
    day: date,
    daily: BarHistory,
    intraday: BarHistory,
    actions: Sequence[CorporateAction],
) -> MarketDay:
    """What the replay sees of a trading day: bars and actions as known at that day's end. An action that
    became known only after its ex-date is seen on the day it became known."""
    known_before = end_of_day(calendar, day)
    hours = calendar.hours(day)
    before = calendar.previous_day(day)
    bars: dict[str, tuple[Bar, ...]] = {}
    closes: dict[str, Bar] = {}
    for symbol in daily.symbols:
        official = daily.known(symbol, known_before, since=day)
        if official:
            bars[symbol] = (official[-1],)
            closes[symbol] = official[-1]
    for symbol in intraday.symbols:
        quarters = tuple(intraday.known(symbol, known_before, since=day))
        if quarters:
            bars[symbol] = quarters
            closes.setdefault(symbol, quarters[-1])
    return MarketDay(
        day=day,
        opens_at=hours.opens_at,
        closes_at=hours.closes_at,
        bars=bars,
        closes=closes,
        actions=tuple(
            action
            for action in actions
            if action.ex_date <= day
            and action.known_at < known_before
            and (action.ex_date > before or action.known_at >= end_of_day(calendar, before))
        ),
    )
