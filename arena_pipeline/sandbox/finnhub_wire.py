"""Finnhub's answers about the simulated market (https://finnhub.io/docs/api), for the shares it covers.

Its figures are Alpha Vantage's, measured a little otherwise, and now and then much otherwise, so that the
two vendors sometimes disagree. Percent where Alpha Vantage has fractions, millions where it has units.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from arena_pipeline.sandbox.fundamentals import quarter_of, quarterly
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.news import articles
from arena_pipeline.sandbox.returns import generator
from arena_pipeline.sources.vendors import symbol_map

USUAL_NOISE, WRONG_SHARE, WRONG_BY = 0.01, 0.08, 0.3
DOLLARS = 1.1
"""What a euro is worth in this world."""

METRICS = {
    "peTTM": ("PERatio", 1),
    "forwardPE": ("ForwardPE", 1),
    "beta": ("Beta", 1),
    "dividendYieldIndicatedAnnual": ("DividendYield", 100),
    "netProfitMarginTTM": ("ProfitMargin", 100),
    "roeTTM": ("ReturnOnEquityTTM", 100),
    "revenueGrowthQuarterlyYoy": ("QuarterlyRevenueGrowthYOY", 100),
    "epsGrowthQuarterlyYoy": ("QuarterlyEarningsGrowthYOY", 100),
}
Answer = tuple[int, Any]
NO_ACCESS: Answer = (403, {"error": "You don't have access to this resource."})


def market_symbol(market: SandboxMarket, ticker: str) -> str | None:
    """`SAP` in New York is `SAP.DE` here; None for what the free plan does not have."""
    ours = {theirs: symbol for symbol, theirs in symbol_map("finnhub").symbols.items()}.get(ticker)
    return ours if ours in market.symbols else None


def answer(
    market: SandboxMarket,
    path: str,
    query: dict[str, str],
    day: date,
    span: tuple[date, date],
    *,
    now: datetime,
) -> Answer:
    """Status and JSON of a request as of `day`; `span` are the dates of company news."""
    if path == "news":
        return 200, _news(market, market.symbols, day - timedelta(days=2), day, now)
    if path not in {"quote", "stock/metric", "stock/profile2", "stock/recommendation", "company-news"}:
        return 404, {"error": "Endpoint not found."}
    ticker = query.get("symbol", "")
    ours = market_symbol(market, ticker)
    if ours is None:
        return NO_ACCESS
    if path == "company-news":
        return 200, _news(market, (ours,), *span, now)
    if path == "quote":
        return 200, _quote(market, ours, day)
    figures = quarterly(market, ours, day)
    if path == "stock/recommendation":
        return 200, _recommendations(market, ours, ticker, day)
    if path == "stock/profile2":
        return 200, _profile(market, ours, ticker, figures)
    return 200, _metrics(market, ours, ticker, figures, quarter_of(day))


def _metrics(
    market: SandboxMarket, ours: str, ticker: str, figures: dict[str, Any], quarter: date
) -> dict[str, Any]:
    random = generator(market.seed, "finnhub", ours, quarter)
    metric: dict[str, float] = {}
    for name, (theirs, scale) in METRICS.items():
        noise = random.normal(0, USUAL_NOISE)
        wrong = WRONG_BY * (random.random() < WRONG_SHARE)
        if theirs in figures:
            metric[name] = round(float(figures[theirs]) * scale * (1 + noise + wrong), 4)
    return {"symbol": ticker, "metricType": "all", "metric": metric, "series": {}}


def _profile(market: SandboxMarket, ours: str, ticker: str, figures: dict[str, Any]) -> dict[str, Any]:
    if not figures:
        return {}
    return {
        "ticker": ticker,
        "name": f"{market.company(ours).name} (simulated)",
        "country": "DE",
        "currency": "EUR",
        "exchange": "NEW YORK STOCK EXCHANGE, INC.",
        "finnhubIndustry": market.company(ours).sector,
        "marketCapitalization": round(figures["MarketCapitalization"] / 1e6, 3),
        "shareOutstanding": round(figures["SharesOutstanding"] / 1e6, 3),
    }


def _quote(market: SandboxMarket, ours: str, day: date) -> dict[str, Any]:
    """The last close before `day`, in dollars; zeros before there are prices."""
    bars = market.daily(ours, day - timedelta(days=10), day - timedelta(days=1))
    if len(bars.close) < 2:
        return {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
    last, before = (round(int(cents) / 100 * DOLLARS, 2) for cents in (bars.close[-1], bars.close[-2]))
    return {
        "c": last,
        "d": round(last - before, 2),
        "dp": round((last / before - 1) * 100, 4),
        "h": round(int(bars.high[-1]) / 100 * DOLLARS, 2),
        "l": round(int(bars.low[-1]) / 100 * DOLLARS, 2),
        "o": round(int(bars.open[-1]) / 100 * DOLLARS, 2),
        "pc": before,
        "t": int(bars.ends[-1]),
    }


def _recommendations(market: SandboxMarket, ours: str, ticker: str, day: date) -> list[dict[str, Any]]:
    """Of the month and the one before, newest first."""
    month = day.replace(day=1)
    found = []
    for period in (month, (month - timedelta(days=1)).replace(day=1)):
        random = generator(market.seed, "analysts", ours, period)
        counts = random.multinomial(24, (0.2, 0.3, 0.35, 0.1, 0.05)).tolist()
        names = ("strongBuy", "buy", "hold", "sell", "strongSell")
        found.append(
            {"symbol": ticker, "period": period.isoformat(), **dict(zip(names, counts, strict=True))}
        )
    return found


def _news(
    market: SandboxMarket, symbols: tuple[str, ...], first: date, last: date, now: datetime
) -> list[dict[str, Any]]:
    items = [item for symbol in symbols for item in articles(market, symbol, first, last)]
    shown = [item for item in items if item.published_at <= now and item.language == "en"]
    shown.sort(key=lambda item: (item.published_at, item.url), reverse=True)
    return [
        {
            "category": "company" if len(symbols) == 1 else "general",
            "datetime": int(item.published_at.timestamp()),
            "headline": item.title,
            "id": place,
            "image": "",
            "related": "",
            "source": item.source,
            "summary": item.summary,
            "url": item.url,
        }
        for place, item in enumerate(shown, start=1)
    ]
