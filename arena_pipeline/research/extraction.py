"""What a model may say of one article: a closed form, and nothing in words.

The model that reads an article reads a stranger's text, so it counts as that stranger's. It can name a share
of the universe, one of a closed list of events, a direction, a number and a day, and the passage that it
rests on; the passage is looked up in the article, and only its hash is kept. Code then checks each claim
against the article, our own bars and the other articles; what fails is dropped, with the reason.
"""

from __future__ import annotations

import enum
import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from arena_pipeline.market.universe import Company
from arena_pipeline.news.articles import Article, match_symbols
from arena_pipeline.news.credibility import credibility
from arena_pipeline.research.numbers import is_supported, stated_in

STRONG_DIRECTION = 2
"""A claim of something out of the ordinary: it needs two independent voices."""

OLD_NEWS = timedelta(days=10)
"""A claim about a day this long before the session is no news."""

MOVED = 0.02
"""Our own bars speak for a strong claim when they moved this fraction its way in one of the last two days."""

LOOK_BACK = 5
"""Trading days over which a claimed move of the price may have come about."""

SHARE_OF_MOVE = 0.5
"""Of a move of the price that a text claims, our bars have to show this much."""

BORNE_OUT = 0.15
"""The words of a text bear out a direction from this sentiment on, by the lexicon."""

CONTRARY = 0.4
"""From this sentiment on, the words of a text have a direction of their own that a claim must not deny."""


class EventType(enum.StrEnum):
    """What an article may report; the classes of `news/lexicon.toml`."""

    RATING = "rating"
    GUIDANCE = "guidance"
    EARNINGS = "earnings"
    DIVIDEND = "dividend"
    DEAL = "deal"
    ORDER = "order"
    LEGAL = "legal"
    MANAGEMENT = "management"
    LABOUR = "labour"
    PRODUCT = "product"
    OPERATIONS = "operations"
    PRICE_MOVE = "price_move"
    OTHER = "other"


class Dropped(enum.StrEnum):
    """Why a claim is not used. The words are a role in the evidence."""

    OUTSIDE = "dropped: about no share of the universe"
    UNNAMED = "dropped: the text does not name the share"
    TWICE = "dropped: a second claim about one share"
    NO_QUOTE = "dropped: its quote is not in the text"
    NO_NUMBER = "dropped: its number is not in the text"
    AHEAD = "dropped: dated after the session"
    OLD = "dropped: dated long before the session"
    NO_MOVE = "dropped: our bars do not show the move"
    CONTRARY = "dropped: the words of the text say the opposite"
    ALONE = "dropped: a strong claim of one source"
    UNBORNE = "dropped: nothing but its reader bears out its direction"
    SILENT = "dropped: the reader found nothing about the share"


class Claim(BaseModel):
    """What one article says of one share. `direction` runs from -2 (very bad for the share) to 2 (very
    good); `percent` is the change in percent that the text states, of the price if the event is a price
    move; `day` when it happened, if the text says so."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.\-]{0,14}$")]
    event: Annotated[EventType, Field(strict=False)]
    direction: Annotated[int, Field(ge=-2, le=2)]
    percent: Annotated[float, Field(ge=-100, le=1000, allow_inf_nan=False)] | None
    day: Annotated[date, Field(strict=False)] | None
    quote: Annotated[str, Field(min_length=1, max_length=400)]


class ExtractionReply(BaseModel):
    """What the reader of an article answers; no claim at all is an answer too."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    claims: Annotated[tuple[Claim, ...], Field(strict=False, max_length=6)]


@dataclass(frozen=True, slots=True)
class Reading:
    """A claim without its words. `quote` is the sha256 of the passage, None where the text does not have
    it."""

    symbol: str
    event: EventType
    direction: int
    percent: float | None
    day: date | None
    quote: str | None

    @property
    def sentiment(self) -> float:
        """On the scale of the lexicon, [-1, 1]."""
        return self.direction / STRONG_DIRECTION


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one article for one share: a reading that stands, or why not."""

    article: str
    reading: Reading | None
    dropped: Dropped | None


def read(article: Article, reply: ExtractionReply) -> tuple[Reading, ...]:
    """The reply without its words. From here on no text of the model is left."""
    text = _spaced(text_of(article))
    return tuple(
        Reading(
            claim.symbol,
            claim.event,
            claim.direction,
            claim.percent,
            claim.day,
            hashlib.sha256(_spaced(claim.quote).encode()).hexdigest()
            if _spaced(claim.quote) and _spaced(claim.quote) in text
            else None,
        )
        for claim in reply.claims
    )


def text_of(article: Article) -> str:
    """What is read of an article: its title and summary."""
    return f"{article.title}\n{article.summary}".strip()


def judge(
    symbol: str,
    articles: Sequence[Article],
    readings: Mapping[str, Sequence[Reading]],
    *,
    companies: Mapping[str, Company],
    session_day: date,
    prices: Sequence[float],
) -> list[Verdict]:
    """What the readings of some articles say of a share, one verdict per article, in their order.

    `articles` are one per story, known before the session; those without an entry in `readings` are left out.
    `prices` are the last known closes, oldest first, the session's own day last if it has traded.
    """
    moves = recent_moves(prices)
    latest = [prices[n] / prices[n - 1] - 1 for n in range(max(1, len(prices) - 2), len(prices))]
    verdicts = [
        _verdict(symbol, article, readings[article.id], companies, session_day, moves)
        for article in articles
        if article.id in readings
    ]
    by_id = {article.id: article for article in articles}
    voices = [
        (publisher_of(by_id[verdict.article]), verdict.reading.direction)
        for verdict in verdicts
        if verdict.reading is not None
    ]
    return [_witnessed(verdict, by_id[verdict.article], voices, latest) for verdict in verdicts]


def _witnessed(
    verdict: Verdict, article: Article, voices: Iterable[tuple[str, int]], latest: Iterable[float]
) -> Verdict:
    """A direction needs a second witness, for its reader may be doing what the article told it to: another
    publisher, our own bars, or, unless the claim is strong, the words of the text by the lexicon."""
    reading = verdict.reading
    if reading is None or reading.direction == 0:
        return verdict
    if _is_confirmed(publisher_of(article), reading.direction, voices, latest):
        return verdict
    if abs(reading.direction) == STRONG_DIRECTION:
        return Verdict(verdict.article, None, Dropped.ALONE)
    if reading.direction * article.sentiment < BORNE_OUT:
        return Verdict(verdict.article, None, Dropped.UNBORNE)
    return verdict


def recent_moves(prices: Sequence[float]) -> list[float]:
    """The changes up to the last two of some prices, oldest first, from each of the five before them."""
    return [
        prices[end] / prices[start] - 1
        for end in range(max(1, len(prices) - 2), len(prices))
        for start in range(max(0, end - LOOK_BACK), end)
        if prices[start]
    ]


def publisher_of(article: Article) -> str:
    """Who answers for an article: a domain that the table of credibility knows, else the feed."""
    return credibility(article.url).domain or article.source


def _verdict(
    symbol: str,
    article: Article,
    readings: Sequence[Reading],
    companies: Mapping[str, Company],
    session_day: date,
    moves: Collection[float],
) -> Verdict:
    own = [reading for reading in readings if reading.symbol == symbol]
    if symbol not in match_symbols(text_of(article), companies):
        return Verdict(article.id, None, Dropped.UNNAMED)
    if not own:
        foreign = any(reading.symbol not in companies for reading in readings)
        return Verdict(article.id, None, Dropped.OUTSIDE if foreign else Dropped.SILENT)
    if len(own) > 1:
        return Verdict(article.id, None, Dropped.TWICE)
    problem = _problem(own[0], article, session_day, moves)
    return Verdict(article.id, own[0] if problem is None else None, problem)


def _problem(
    reading: Reading, article: Article, session_day: date, moves: Collection[float]
) -> Dropped | None:
    if reading.quote is None:
        return Dropped.NO_QUOTE
    if reading.percent is not None and not _is_stated(reading.percent, text_of(article)):
        return Dropped.NO_NUMBER
    if reading.day is not None and reading.day > session_day:
        return Dropped.AHEAD
    if reading.day is not None and reading.day < session_day - OLD_NEWS:
        return Dropped.OLD
    if reading.direction * article.sentiment < 0 and abs(article.sentiment) >= CONTRARY:
        return Dropped.CONTRARY
    if reading.event is EventType.PRICE_MOVE and not _has_moved(reading, moves):
        return Dropped.NO_MOVE
    return None


def _is_stated(percent: float, text: str) -> bool:
    return is_supported(format(abs(Decimal(repr(percent))).normalize(), "f"), stated_in([text]))


def _has_moved(reading: Reading, moves: Iterable[float]) -> bool:
    """Whether our bars show a move of the claimed side and at least half the claimed size."""
    side = reading.direction or (reading.percent or 0.0)
    if not side:
        return True
    least = SHARE_OF_MOVE * abs(reading.percent or 0.0) / 100
    return any(move * side > 0 and abs(move) >= least for move in moves)


def _is_confirmed(
    publisher: str, direction: int, voices: Iterable[tuple[str, int]], latest: Iterable[float]
) -> bool:
    """By another publisher's story of the same side, or by our own bars of the last two days."""
    others = any(voice != publisher and side * direction > 0 for voice, side in voices)
    return others or any(move * direction > 0 and abs(move) >= MOVED for move in latest)


def _spaced(text: str) -> str:
    """The text in compatibility form, with single spaces: what a reader may copy it as."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()
