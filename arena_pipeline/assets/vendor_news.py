"""News of the figures' vendors, as replies of a feed: from there on they count as any other article does.

Finnhub's company news of the shares that it covers, and its general news. Alpha Vantage's news costs calls of
the 25 a day that its figures need too: a few shares of the watchlist are asked for by `searching.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from arena_pipeline.arena import Arena
from arena_pipeline.assets.news_coverage import MARKET, NewsCoverage
from arena_pipeline.errors import ArchiveMissing, NotCovered, SourceError
from arena_pipeline.news.feeds import ParsedFeed
from arena_pipeline.settings import Feed
from arena_pipeline.sources.feeds import FeedReply
from arena_pipeline.sources.finnhub import BASE_URL, VENDOR, Finnhub
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.warehouse.recorder import Collection, RecordedCollection

FEED = Feed(name=VENDOR, url=BASE_URL, language="en")


def vendor_replies(
    arena: Arena,
    collection: Collection | RecordedCollection,
    known: NewsCoverage,
    first: date,
    last: date,
) -> list[FeedReply]:
    """One reply per share that Finnhub covers, and one for the market; none without Finnhub or real feeds.

    What it does not cover on this plan is left out, and remembered in `known`; what failed is a broken feed
    as of the collection's time, which a replay knows too. A replay leaves out what was not asked.
    """
    if arena.settings.news.source != "feeds":
        return []
    at = collection.at
    replies = []
    for vendor in arena.figure_vendors(collection):
        if not isinstance(vendor, Finnhub):
            continue
        replies.append(_reply(arena, known, None, at, partial(vendor.general_news, at)))
        for symbol in arena.symbols:
            if vendor.vendor_symbol(symbol) is not None:
                ask = partial(vendor.company_news, symbol, first, last, at)
                reply = _reply(arena, known, symbol, at, ask)
                replies.append(replace(reply, asked_from=first) if reply is not None else None)
    return [reply for reply in replies if reply is not None]


def _reply(
    arena: Arena,
    known: NewsCoverage,
    symbol: str | None,
    at: datetime,
    ask: Callable[[], tuple[Recorded, ParsedFeed]],
) -> FeedReply | None:
    subject = symbol or MARKET
    if not known.is_worth_asking(VENDOR, subject):
        return None
    try:
        recorded, parsed = ask()
    except NotCovered as error:
        known.refused(VENDOR, subject, error)
        return None
    except ArchiveMissing:
        if arena.origin is None:
            raise
        return None
    except SourceError as error:
        failed = Recorded(0, b"", at, failure=str(error))
        return FeedReply(FEED, symbol, failed, None, str(error))
    known.answered(VENDOR, subject)
    return FeedReply(FEED, symbol, recorded, parsed, None)
