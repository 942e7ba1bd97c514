"""The simulated market in the shape of Alpha Vantage's OVERVIEW, EARNINGS and NEWS_SENTIMENT.

https://www.alphavantage.co/documentation/#company-overview: every value is a string, "None" where the
vendor has none, `{}` for a company it does not cover. Figures change with the quarter; prices in them are
those known when the quarter began.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from arena_pipeline.market.calendar import BERLIN
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.news import articles
from arena_pipeline.sandbox.returns import EPOCH, generator, traits

NOT_COVERED_SHARE = 0.15
MISSING_SHARE = 0.06
QUARTERS = 4
SUFFIXES = (".DEX", ".FRK")
"""Alpha Vantage's names of the XETRA and Frankfurt listings; `.DE` is Yahoo's."""


def market_symbol(symbol: str) -> str:
    """`SAP.DEX` as the market calls it, `SAP.DE`."""
    for suffix in SUFFIXES:
        if symbol.endswith(suffix):
            return symbol.removesuffix(suffix) + ".DE"
    return symbol


def is_covered(market: SandboxMarket, ours: str) -> bool:
    """Whether the simulated Alpha Vantage has figures of a share at all."""
    uncovered = generator(market.seed, "fundamentals", ours).random() < NOT_COVERED_SHARE
    return not uncovered and ours in market.symbols


def overview(market: SandboxMarket, symbol: str, day: date) -> dict[str, str]:
    """The OVERVIEW of one company as of `day`; empty when it is not covered or before there are prices."""
    ours = market_symbol(symbol)
    figures = quarterly(market, ours, day) if is_covered(market, ours) else {}
    if not figures:
        return {}
    company, quarter = market.company(ours), quarter_of(day)
    random = generator(market.seed, "missing", ours, quarter)
    missing = random.random(len(figures)) < MISSING_SHARE
    return {
        "Symbol": symbol,
        "AssetType": "Common Stock",
        "Name": f"{company.name} (simulated)",
        "Description": f"A simulated company with the name of {company.name}.",
        "Exchange": "XETRA",
        "Currency": "EUR",
        "Country": "Germany",
        "Sector": company.sector,
        "LatestQuarter": (quarter - timedelta(days=1)).isoformat(),
        **{
            name: "None" if gone else str(value)
            for (name, value), gone in zip(figures.items(), missing.tolist(), strict=True)
        },
    }


def quarter_of(day: date) -> date:
    """The first day of the calendar quarter."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def quarterly(market: SandboxMarket, ours: str, day: date) -> dict[str, Any]:
    """A company's figures in the quarter of `day`, by Alpha Vantage's names; none before there are prices."""
    quarter = quarter_of(day)
    year_before = quarter - timedelta(days=365), quarter - timedelta(days=1)
    if ours not in market.symbols or year_before[1] < EPOCH:
        return {}
    fixed_random = generator(market.seed, "fundamentals", ours)
    fixed_random.random()
    bars = market.daily(ours, *year_before)
    fixed = traits(market.seed, ours)
    shares = int(fixed_random.uniform(1e8, 1.2e9))
    usual_earnings_yield = fixed_random.uniform(0.035, 0.1)
    margin = fixed_random.uniform(0.03, 0.22)

    random = generator(market.seed, "fundamentals", ours, quarter)
    price = int(bars.close[-1]) / 100
    mean_price = float(bars.close.mean()) / 100
    eps = mean_price * usual_earnings_yield * random.uniform(0.92, 1.08)
    margin *= random.uniform(0.95, 1.05)
    revenue = eps * shares / margin
    dividend = sum(paid.cents for paid in market.dividends(ours, *year_before)) / 100
    growth = random.normal(0.03, 0.08)
    return {
        "MarketCapitalization": round(price * shares),
        "EBITDA": round(revenue * margin * 1.7),
        "PERatio": f"{price / eps:.2f}",
        "PEGRatio": f"{random.uniform(0.7, 3.0):.2f}",
        "BookValue": f"{price / random.uniform(1.1, 4.0):.2f}",
        "DividendPerShare": f"{dividend:.2f}",
        "DividendYield": f"{dividend / price:.4f}",
        "EPS": f"{eps:.2f}",
        "RevenuePerShareTTM": f"{revenue / shares:.2f}",
        "ProfitMargin": f"{margin:.4f}",
        "OperatingMarginTTM": f"{margin * 1.4:.4f}",
        "ReturnOnAssetsTTM": f"{random.uniform(0.01, 0.12):.4f}",
        "ReturnOnEquityTTM": f"{random.uniform(0.04, 0.3):.4f}",
        "RevenueTTM": round(revenue),
        "GrossProfitTTM": round(revenue * random.uniform(0.25, 0.6)),
        "DilutedEPSTTM": f"{eps:.2f}",
        "QuarterlyEarningsGrowthYOY": f"{growth * 1.5:.3f}",
        "QuarterlyRevenueGrowthYOY": f"{growth:.3f}",
        "AnalystTargetPrice": f"{price * random.uniform(0.9, 1.25):.2f}",
        "TrailingPE": f"{price / eps:.2f}",
        "ForwardPE": f"{price / eps / (1 + max(growth, -0.5)):.2f}",
        "PriceToSalesRatioTTM": f"{price * shares / revenue:.3f}",
        "Beta": f"{fixed.beta:.3f}",
        "52WeekHigh": f"{int(bars.high.max()) / 100:.2f}",
        "52WeekLow": f"{int(bars.low.min()) / 100:.2f}",
        "50DayMovingAverage": f"{float(bars.close[-50:].mean()) / 100:.2f}",
        "200DayMovingAverage": f"{float(bars.close[-200:].mean()) / 100:.2f}",
        "SharesOutstanding": shares,
    }


def earnings(market: SandboxMarket, symbol: str, day: date) -> dict[str, Any]:
    """The EARNINGS of one company as of `day`: the quarters reported by then, newest first; empty when it is
    not covered."""
    ours = market_symbol(symbol)
    if not is_covered(market, ours):
        return {}
    quarters: list[dict[str, str]] = []
    ended = quarter_of(day) - timedelta(days=1)
    while len(quarters) < QUARTERS and (figures := quarterly(market, ours, ended)):
        random = generator(market.seed, "earnings", ours, ended)
        reported_on = ended + timedelta(days=int(random.integers(25, 45)))
        estimated = float(figures["EPS"]) / 4
        surprise = float(random.normal(0.01, 0.06))
        reported = estimated * (1 + surprise)
        if reported_on <= day:
            quarters.append(
                {
                    "fiscalDateEnding": ended.isoformat(),
                    "reportedDate": reported_on.isoformat(),
                    "reportedEPS": f"{reported:.2f}",
                    "estimatedEPS": f"{estimated:.4f}",
                    "surprise": f"{reported - estimated:.4f}",
                    "surprisePercentage": f"{surprise * 100:.4f}",
                }
            )
        ended = quarter_of(ended) - timedelta(days=1)
    if not quarters:
        return {}
    return {"symbol": symbol, "annualEarnings": [], "quarterlyEarnings": quarters}


def news_sentiment(
    market: SandboxMarket, ours: str, ticker: str, first: date, *, now: datetime
) -> dict[str, Any]:
    """The NEWS_SENTIMENT of one share: the English articles since `first`, newest first."""
    found = [
        item
        for item in articles(market, ours, first, now.astimezone(BERLIN).date())
        if item.language == "en" and item.published_at <= now
    ]
    return {
        "items": str(len(found)),
        "feed": [
            {
                "title": item.title,
                "url": item.url,
                "time_published": f"{item.published_at:%Y%m%dT%H%M%S}",
                "authors": [],
                "summary": item.summary,
                "source": item.source,
                "overall_sentiment_score": 0.0,
                "overall_sentiment_label": "Neutral",
                "ticker_sentiment": [
                    {"ticker": ticker, "relevance_score": "1.0", "ticker_sentiment_score": "0.0"}
                ],
            }
            for item in reversed(found)
        ],
    }
