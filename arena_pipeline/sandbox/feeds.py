"""RSS 2.0 feeds of the simulated news (https://www.rssboard.org/rss-specification).

`Dublin Core` gives each item its language, as one feed carries English and German stories. Dates have
Berlin's offset of that day.
"""

from __future__ import annotations

from datetime import date, datetime
from email.utils import format_datetime
from html import escape

from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.news import SandboxArticle, articles

MARKET_FEED = "market"
LANGUAGES = ("en", "de")


def feed(
    market: SandboxMarket, name: str, first: date, last: date, *, now: datetime, language: str | None = None
) -> bytes:
    """The feed of one symbol, or of all for MARKET_FEED: items published from `first` to `last` and by `now`.

    `language` (`en` or `de`) leaves out the other. Newest first; undated items stand at their time.
    """
    symbols = market.symbols if name == MARKET_FEED else (name,)
    items = [item for symbol in symbols for item in articles(market, symbol, first, last)]
    items = [item for item in items if item.published_at <= now and language in (None, item.language)]
    items.sort(key=lambda item: (item.published_at, item.url), reverse=True)
    title = "Sandbox market news" if name == MARKET_FEED else f"Sandbox news: {name}"
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>{escape(title)}</title><link>https://sandbox.invalid/</link>"
        "<description>Simulated news. Nothing here happened.</description>"
        f"<language>{language or 'en'}</language>\n"
    )
    return (head + "".join(map(_item, items)) + "</channel></rss>\n").encode()


def _item(article: SandboxArticle) -> str:
    published = format_datetime(article.published_at.astimezone(BERLIN))
    return (
        f"<item><title>{escape(article.title)}</title><link>{escape(article.url)}</link>"
        f'<guid isPermaLink="false">{escape(article.url)}</guid>'
        f"<description>{escape(article.summary)}</description>"
        f"<dc:language>{article.language}</dc:language>"
        f'<source url="https://sandbox.invalid/">{escape(article.source)}</source>'
        + (f"<pubDate>{published}</pubDate>" if article.dated else "")
        + "</item>\n"
    )
