"""Group *news*: articles and the health of their feeds per trading day, and news momentum per session.

Source: the feeds of arena.toml, and Finnhub's news where it is a vendor of figures. An article counts from
when it was first seen here; in a backfill from when it was published. A feed that did not answer with a feed
is broken, which is never "no news".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from arena_pipeline.arena import Arena
from arena_pipeline.assets.decided import shown_until
from arena_pipeline.assets.news_coverage import NewsCoverage
from arena_pipeline.assets.step import Outcome, Run
from arena_pipeline.assets.vendor_news import vendor_replies
from arena_pipeline.market.calendar import Session, TradingCalendar
from arena_pipeline.news.articles import Article, is_news, to_articles
from arena_pipeline.news.health import FeedAnswer, FeedHealth, FeedState, blindness, in_force, silence
from arena_pipeline.news.health import feed_health as health_of
from arena_pipeline.news.momentum import MomentumRow
from arena_pipeline.news.momentum import momentum as momentum_of
from arena_pipeline.sources.feeds import FeedReply
from arena_pipeline.warehouse import readers
from arena_pipeline.warehouse.digest import rows_digest
from arena_pipeline.warehouse.rows import article_row
from arena_pipeline.warehouse.store import Edge, Partition, Row

BASELINE_DAYS = 30
WINDOW = timedelta(hours=24)


def articles(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """Articles about shares of the universe, by the trading day on which they can first matter.

    One row per article (url and title); the weekend's belong to Monday. What came of each request is kept
    beside it in `feed_answers`, which `feed_health` sums up.
    """
    if arena.settings.news.source == "none":
        for table in ("feed_answers", "articles"):
            written = arena.store.write_frames(
                table, [Partition(key, []) for key in keys], run_id=run.id, now=arena.clock()
            )
        return [Outcome(entry, {"feeds": "none configured"}) for entry in written]
    days = [date.fromisoformat(key) for key in keys]
    since = arena.calendar.previous_day(min(days)) + timedelta(days=1)
    collection = arena.collection("articles", keys)
    replies = arena.feeds(collection).collect(arena.symbols, since, max(days))
    coverage = NewsCoverage(arena, collection.at)
    replies += vendor_replies(arena, collection, coverage, since, max(days))
    live = len(days) == 1 and arena.is_today(days[0])
    found = _found(arena, replies, live=live)
    decided = None if live else shown_until(arena, collection.at)
    if decided is not None:
        found = _in_time(arena, found, decided, run)
    if live:
        seen = _seen_before(arena, days[0], [article.id for article in found])
        found = [article for article in found if article.id not in seen and is_news(article)]
    rows = {key: _rows(arena, key, found) for key in keys}
    broken = [f"feed {reply.feed.name} is broken: {reply.broken}" for reply in replies if reply.broken]
    for text in broken:
        run.report(text)
    now = arena.clock()

    def remember(connection: Connection) -> None:
        collection.enter(connection, run.id)
        coverage.enter(connection)

    arena.store.write_frames(
        "feed_answers",
        [
            Partition(
                key,
                _answer_rows(
                    arena,
                    key,
                    [reply for reply in replies if live or _reaches(arena, reply, key, newest=max(keys))],
                    live=live,
                    decided=decided,
                ),
            )
            for key in keys
        ],
        run_id=run.id,
        now=now,
    )
    written = arena.store.write_frames(
        "articles",
        [Partition(key, rows[key]) for key in keys],
        run_id=run.id,
        now=now,
        within=remember,
    )
    return [
        Outcome(
            entry,
            {"feeds": len(replies), "broken_feeds": len(broken), "undated": _undated(rows[entry.key])},
            [{"source": row["source"], "sentiment": row["sentiment"]} for row in rows[entry.key][:8]],
        )
        for entry in written
    ]


def feed_health(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """How each feed answered: one row per feed, over all its requests.

    `state` is healthy, stale, empty, partly_broken or broken; `status` is HTTP's (0: no answer came, 304: not
    changed since); `age_hours` is how old the newest item was when the feed was read; `reason` says why it is
    broken. A broken feed is never one without news.
    """
    answers = readers.feed_answers(arena.store, keys)
    healths = {key: health_of(answers.get(key, ())) for key in keys}
    partitions = [Partition(key, [_health_row(row) for row in healths[key]]) for key in keys]
    written = arena.store.write_frames("feed_health", partitions, run_id=run.id, now=arena.clock())
    return [
        Outcome(
            entry,
            {
                "feeds": len(part.rows),
                "broken": sum(row["state"] == FeedState.BROKEN for row in part.rows),
                "items": sum(row["items"] for row in part.rows),
            },
            [
                {name: row[name] for name in ("feed", "state", "status", "items", "age_hours")}
                for row in part.rows
            ],
        )
        for entry, part in zip(written, partitions, strict=True)
    ]


def momentum(arena: Arena, keys: Sequence[str], run: Run) -> list[Outcome]:
    """News momentum per share: stories, sources, sentiment in [-1, 1] and volume against the days before.

    Reads articles known before the session, over 24 hours or since the session before, whichever is longer.
    """
    sessions = [arena.calendar.session(key) for key in keys]
    first, last = sessions[0].day, sessions[-1].day
    news = readers.articles(arena.store, first - timedelta(days=BASELINE_DAYS + 10), last)
    answers = readers.feed_answers(arena.store, sorted({session.day.isoformat() for session in sessions}))
    partitions, figures = [], {}
    for session in sessions:
        rows = _momenta(arena, news, answers.get(session.day.isoformat(), ()), session)
        figures[session.key] = {
            "stories": sum(row.articles for row in rows),
            "shares_with_news": sum(row.articles > 0 for row in rows),
        }
        partitions.append(
            Partition(
                session.key,
                [_momentum_row(session, row) for row in rows],
                [
                    Edge(_momentum_id(session, row.symbol), article, "counts")
                    for row in rows
                    for article in row.inputs
                ],
            )
        )
    written = arena.store.write_frames("momentum", partitions, run_id=run.id, now=arena.clock())
    return [
        Outcome(
            entry,
            figures[entry.key],
            [
                {name: row[name] for name in ("symbol", "articles", "mean_sentiment", "score")}
                for row in sorted(part.rows, key=lambda row: -abs(row["score"]))[:8]
            ],
        )
        for entry, part in zip(written, partitions, strict=True)
    ]


def window_start(arena: Arena, session: Session) -> datetime:
    """From when news counts for a session: 24 hours before, or the session before, whichever is earlier."""
    day = session.day
    earlier = [entry for entry in arena.calendar.sessions_of(day) if entry.time < session.time]
    previous = earlier[-1] if earlier else arena.calendar.sessions_of(arena.calendar.previous_day(day))[-1]
    return min(session.time - WINDOW, previous.time)


def _momenta(
    arena: Arena, news: readers.NewsHistory, answers: Sequence[FeedAnswer], session: Session
) -> list[MomentumRow]:
    since = window_start(arena, session)
    known = news.known(session.time, since=since - timedelta(days=BASELINE_DAYS))
    by_symbol: dict[str, list[Article]] = defaultdict(list)
    for article in known:
        for symbol in article.symbols:
            by_symbol[symbol].append(article)
    covered = known[0].known_at if known else None
    rows = [
        momentum_of(by_symbol[symbol], symbol=symbol, at=session.time, since=since, covered_since=covered)
        for symbol in arena.symbols
    ]
    if arena.settings.news.source == "none":
        return [replace(row, reason="no feeds configured") for row in rows]
    known_answers = in_force(answers, before=session.time)
    return [row if row.articles else replace(row, reason=silence(known_answers, row.symbol)) for row in rows]


def blind_sessions(arena: Arena, sessions: Sequence[Session]) -> dict[str, str]:
    """The sessions that can know nothing of the news, with the reason, by key. Without feeds by choice
    (`news.source = "none"`) no session is blind."""
    if arena.settings.news.source == "none":
        return {}
    answers = readers.feed_answers(arena.store, sorted({session.day.isoformat() for session in sessions}))
    reasons = {
        session.key: blindness(in_force(answers.get(session.day.isoformat(), ()), before=session.time))
        for session in sessions
    }
    return {key: reason for key, reason in reasons.items() if reason}


def _momentum_id(session: Session, symbol: str) -> str:
    return f"momentum:{session.key}:{symbol}"


def _momentum_row(session: Session, row: MomentumRow) -> Row:
    return {
        "id": _momentum_id(session, row.symbol),
        "session": session.key,
        **asdict(row),
        "inputs": list(row.inputs),
    }


def _found(arena: Arena, replies: Sequence[FeedReply], *, live: bool) -> list[Article]:
    """All articles of the replies, one per id, with the symbols of each feed that carried it."""
    found: dict[str, Article] = {}
    for reply in replies:
        if reply.parsed is None:
            continue
        for article in to_articles(
            reply.parsed.items,
            companies=arena.companies,
            fetched_at=reply.recorded.fetched_at,
            raw=reply.recorded.sha256,
            live=live,
        ):
            known = found.get(article.id)
            if known is not None:
                article = replace(
                    min(known, article, key=lambda entry: (entry.known_at, entry.source)),
                    symbols=tuple(sorted({*known.symbols, *article.symbols})),
                )
            found[article.id] = article
    return list(found.values())


def _seen_before(arena: Arena, day: date, identities: Sequence[str]) -> set[str]:
    """Those of some articles that an earlier day has, however long ago: each is news once."""
    rows = arena.store.rows(
        "articles", "partition < $day AND list_contains($ids, id)", day=day.isoformat(), ids=list(identities)
    )
    return {row["id"] for row in rows}


def _in_time(arena: Arena, found: Sequence[Article], decided: datetime, run: Run) -> list[Article]:
    """Those that are stored already, and those that the sessions up to `decided` could not have known. Of the
    others these sessions did without, and for later ones they are no news."""
    early = [article.id for article in found if article.known_at < decided]
    rows = arena.store.rows("articles", "list_contains($ids, id)", ids=early) if early else []
    missed = set(early) - {row["id"] for row in rows}
    if missed:
        run.report(f"{len(missed)} articles came after the sessions that could have known them were decided")
    return [article for article in found if article.id not in missed]


def _rows(arena: Arena, key: str, found: Sequence[Article]) -> list[Row]:
    """The articles of one trading day: what is stored already, as first seen, and what is new."""
    day = date.fromisoformat(key)
    opens = _midnight(arena.calendar, arena.calendar.previous_day(day) + timedelta(days=1))
    ends = _midnight(arena.calendar, day + timedelta(days=1))
    rows = {row["id"]: row for row in _stored_rows(arena, "articles", key)}
    for article in found:
        if article.symbols and opens <= article.known_at < ends:
            rows.setdefault(article.id, article_row(article))
    return list(rows.values())


def _stored_rows(arena: Arena, asset: str, key: str) -> list[Row]:
    if key not in arena.store.partitions(asset):
        return []
    return [
        {name: value for name, value in row.items() if name != "partition"}
        for row in arena.store.rows(asset, "partition = $key", key=key)
    ]


def _midnight(calendar: TradingCalendar, day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=calendar.zone).astimezone(UTC)


def _reaches(arena: Arena, reply: FeedReply, key: str, *, newest: str) -> bool:
    """Whether an answer of today says anything of an earlier trading day.

    It does back to the oldest dated item that the feed holds, and for all days that the request named. A feed
    without a dated item says something of the newest day only, a broken one is broken for every day.
    """
    if reply.parsed is None or reply.asked_from is not None:
        return True
    dates = [item.published_at for item in reply.parsed.items if item.published_at]
    if not dates:
        return key == newest
    return min(dates) < _midnight(arena.calendar, date.fromisoformat(key) + timedelta(days=1))


def _answer_rows(
    arena: Arena, key: str, replies: Sequence[FeedReply], *, live: bool, decided: datetime | None
) -> list[Row]:
    """The answers of one trading day: those stored already, and those that say something else.

    Live, an answer counts from when it came, and is kept if it differs from the one before it. In a backfill
    it counts for the whole day, once, whatever range it was asked for with, if it reaches the day; no more
    once a session of the day or after it was `decided`.
    """
    day = date.fromisoformat(key)
    opens = _midnight(arena.calendar, arena.calendar.previous_day(day) + timedelta(days=1))
    ends = _midnight(arena.calendar, day + timedelta(days=1))
    rows = _stored_rows(arena, "feed_answers", key)
    if decided is not None and opens < decided:
        return rows
    last = {(row["feed"], row["symbol"]): _said(row) for row in rows if row["known_at"] > opens}
    imported = {(row["feed"], row["symbol"], _said(row)) for row in rows if row["known_at"] == opens}
    for reply in replies:
        at = reply.recorded.fetched_at
        row = _answer_row(reply, asked_at=min(at, ends), known_at=at if live else opens)
        name, said = (row["feed"], row["symbol"]), _said(row)
        if live and last.get(name) != said:
            last[name] = said
            rows.append(row)
        elif not live and (*name, said) not in imported:
            imported.add((*name, said))
            rows.append(row)
    return rows


def _answer_row(reply: FeedReply, *, asked_at: datetime, known_at: datetime) -> Row:
    items = reply.parsed.items if reply.parsed else ()
    dates = [item.published_at for item in items if item.published_at and item.published_at <= asked_at]
    row: Row = {
        "feed": reply.feed.name,
        "symbol": reply.symbol,
        "status": reply.recorded.status,
        "items": len(items),
        "rejected": len(reply.parsed.rejected) if reply.parsed else 0,
        "newest": max(dates, default=None),
        "broken": reply.broken,
        "asked_at": asked_at,
        "known_at": known_at,
    }
    named = f"feed:{reply.feed.name}:{reply.symbol or 'market'}:{rows_digest([row])[:12]}"
    return {"id": named, **row, "raw": reply.recorded.sha256}


def _said(row: Row) -> tuple[object, ...]:
    """What an answer says, apart from when."""
    return tuple(row[name] for name in ("status", "items", "rejected", "newest", "broken"))


def _health_row(health: FeedHealth) -> Row:
    return {"id": f"feed:{health.feed}", **asdict(health), "state": health.state.value}


def _undated(rows: Sequence[Row]) -> int:
    return sum(row["published_at"] is None for row in rows)
