from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_pipeline.errors import NotCovered
from arena_pipeline.market.calendar import TradingCalendar, trading_calendar
from arena_pipeline.market.universe import dax40
from arena_pipeline.sandbox.market import SandboxMarket
from arena_pipeline.sandbox.paths import Bars

SEED = 20250915
START, END = date(2018, 1, 2), date(2023, 12, 29)
FIELDS = Bars.__slots__


def fresh(symbols: tuple[str, ...] = ("SAP.DE", "RHM.DE"), seed: int = SEED) -> SandboxMarket:
    return SandboxMarket(seed, symbols, "^GDAXI", trading_calendar("XETR"))


def same(left: Bars, right: Bars) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in FIELDS)


def log_returns(market: SandboxMarket, symbol: str) -> np.ndarray:
    return np.diff(np.log(market.daily(symbol, START, END).close))


def test_two_worlds_of_one_seed_are_equal_and_of_two_seeds_differ() -> None:
    first, last = date(2020, 3, 2), date(2020, 3, 31)
    assert same(fresh().intraday("SAP.DE", first, last), fresh().intraday("SAP.DE", first, last))
    assert not same(fresh().daily("SAP.DE", first, last), fresh(seed=1).daily("SAP.DE", first, last))


def test_what_was_asked_before_and_which_symbols_are_chosen_change_nothing(market: SandboxMarket) -> None:
    small = fresh(("RHM.DE",))
    early = small.daily("RHM.DE", date(2014, 5, 2), date(2014, 6, 30))
    market.daily("RHM.DE", date(2012, 1, 2), date(2026, 6, 30))
    assert same(early, market.daily("RHM.DE", date(2014, 5, 2), date(2014, 6, 30)))
    benchmark = small.daily("^GDAXI", date(2014, 5, 2), date(2014, 6, 30))
    assert same(benchmark, market.daily("^GDAXI", date(2014, 5, 2), date(2014, 6, 30)))
    assert small.events("RHM.DE", START, END) == market.events("RHM.DE", START, END)


@pytest.mark.parametrize("symbol", ["SAP.DE", "^GDAXI"])
def test_a_daily_bar_is_the_aggregate_of_its_quarter_hours(market: SandboxMarket, symbol: str) -> None:
    first, last = date(2024, 12, 2), date(2025, 1, 31)
    daily, quarters = market.daily(symbol, first, last), market.intraday(symbol, first, last)
    for row, (start, end) in enumerate(zip(daily.starts, daily.ends, strict=True)):
        part = quarters.select((quarters.starts >= start) & (quarters.ends <= end))
        assert part.open[0] == daily.open[row]
        assert part.high.max() == daily.high[row]
        assert part.low.min() == daily.low[row]
        assert part.close[-1] == daily.close[row]
        assert part.volume.sum() == daily.volume[row]
    assert quarters.volume.sum() == daily.volume.sum()


def test_a_full_day_has_34_bars_and_the_early_close_of_30_december_20(market: SandboxMarket) -> None:
    full = market.intraday("SAP.DE", date(2024, 12, 27), date(2024, 12, 27))
    assert len(full) == 34
    assert datetime.fromtimestamp(int(full.starts[0]), UTC) == datetime(2024, 12, 27, 8, 0, tzinfo=UTC)
    assert datetime.fromtimestamp(int(full.ends[-1]), UTC) == datetime(2024, 12, 27, 16, 30, tzinfo=UTC)
    short = market.intraday("SAP.DE", date(2024, 12, 30), date(2024, 12, 30))
    assert len(short) == 20
    assert datetime.fromtimestamp(int(short.ends[-1]), UTC) == datetime(2024, 12, 30, 13, 0, tzinfo=UTC)
    assert short.close[-1] == market.daily("SAP.DE", date(2024, 12, 30), date(2024, 12, 30)).close[0]


def test_bars_lie_on_trading_days_only(market: SandboxMarket, calendar: TradingCalendar) -> None:
    bars = market.daily("SAP.DE", START, END)
    days = [datetime.fromtimestamp(int(start), UTC).date() for start in bars.starts]
    assert days == calendar.days(START, END)
    assert not len(market.daily("SAP.DE", date(2024, 12, 24), date(2024, 12, 26)))
    assert not len(market.intraday("SAP.DE", date(2010, 1, 1), date(2011, 12, 31)))


@given(symbol=st.sampled_from(sorted(dax40())), year=st.integers(2012, 2030), seed=st.integers(0, 2**63))
@settings(max_examples=12, deadline=None)
def test_open_and_close_lie_between_low_and_high_in_every_world(symbol: str, year: int, seed: int) -> None:
    bars = fresh((symbol,), seed).intraday(symbol, date(year, 1, 1), date(year, 12, 28))
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low > 0).all()
    assert (bars.volume > 0).all()
    assert (np.diff(bars.starts) > 0).all()


def test_prices_stay_plausible_over_fourteen_years(market: SandboxMarket) -> None:
    for symbol in market.symbols:
        closes = market.daily(symbol, date(2012, 1, 2), date(2025, 12, 30)).close / 100
        assert 9.5 < closes[0] < 630
        assert closes.min() > 1
        assert closes.max() < 6000
        assert np.abs(np.diff(np.log(closes))).max() < 0.25


def test_shares_move_together_and_with_the_benchmark(market: SandboxMarket) -> None:
    returns = np.array([log_returns(market, symbol) for symbol in market.symbols])
    correlations = np.corrcoef(returns)[np.triu_indices(len(returns), 1)]
    assert correlations.min() > 0
    assert 0.15 < np.median(correlations) < 0.6
    assert np.corrcoef(returns[0], log_returns(market, "^GDAXI"))[0, 1] > 0.3


def test_volatility_comes_in_clusters_and_tails_are_fat(market: SandboxMarket) -> None:
    memory, tails = [], []
    for symbol in market.symbols:
        returns = log_returns(market, symbol)
        assert len(returns) > 1500
        squares = returns**2
        memory.append(np.mean([np.corrcoef(squares[:-lag], squares[lag:])[0, 1] for lag in range(1, 11)]))
        tails.append(np.mean((returns - returns.mean()) ** 4) / returns.var() ** 2)
    assert np.median(memory) > 0.03
    assert np.median(tails) > 3.5


def test_shares_gap_overnight(market: SandboxMarket) -> None:
    bars = market.daily("SAP.DE", START, END)
    gaps = np.abs(np.log(bars.open[1:] / bars.close[:-1]))
    assert np.mean(gaps > 0.003) > 0.2


def test_each_share_pays_one_dividend_a_year_and_drops_by_it(market: SandboxMarket) -> None:
    unexplained = []
    for symbol in market.symbols:
        paid = market.dividends(symbol, START, END)
        assert [dividend.ex_date.year for dividend in paid] == list(range(START.year, END.year + 1))
        for dividend in paid:
            before = market.calendar.previous_day(dividend.ex_date)
            bars = market.daily(symbol, before, dividend.ex_date)
            assert 0.009 < dividend.cents / bars.close[0] < 0.041
            unexplained.append((bars.open[1] + dividend.cents) / bars.close[0] - 1)
    assert abs(np.mean(unexplained)) < 0.002


def test_splits_are_rare_and_never_show_in_the_adjusted_prices(market: SandboxMarket) -> None:
    splits = [split for symbol in market.symbols for split in market.splits(symbol, date(2012, 1, 1), END)]
    assert 1 <= len(splits) <= 25
    for split in splits:
        assert split.ratio in (2, 3, 4)
        before = market.calendar.previous_day(split.ex_date)
        closes = market.daily(split.symbol, before, split.ex_date).close
        assert abs(np.log(closes[1] / closes[0])) < 0.19


def test_an_unknown_symbol_is_not_covered(market: SandboxMarket) -> None:
    with pytest.raises(NotCovered, match=r"NOPE\.DE"):
        market.daily("NOPE.DE", START, END)
