"""What the leaderboard needs of every model, read from the ledger once for all days of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from arena_pipeline.arena import Arena
from arena_pipeline.assets.books import registered_models
from arena_pipeline.assets.score_prices import ScorePrices
from arena_pipeline.scoring.contamination import Contamination
from arena_pipeline.scoring.leaderboard import ModelRecord, not_comparable, returns_that_count
from arena_pipeline.scoring.luck import Luck, Trade, luck
from arena_pipeline.scoring.significance import Assessment, assess
from arena_pipeline.scoring.skill import Call, Skill, relative_return, skill
from arena_pipeline.scoring.splits import with_fractions
from arena_pipeline.settings import ModelKind
from arena_pipeline.trading.money import to_cents
from arena_pipeline.trading.orders import OrderType, Side
from arena_pipeline.warehouse.tables import decisions, model_costs, orders
from arena_pipeline.warehouse.tables import fills as fills_table
from arena_pipeline.warehouse.tables import snapshots as snapshots_table

DRAWS = 2_000
"""Resampled histories of an assessment."""

HORIZONS = (1, 5)
"""Trading days after which a decision is judged."""


@dataclass(frozen=True)
class Window:
    """The days that count for everybody: those on which no ranked model may have known the outcome.

    `left_out` are the others, `counts` how many of them there are for which reason; `unranked` says why a
    model has no rank: not a single day of it counts, or it has left and its book ended before.
    """

    left_out: frozenset[date]
    counts: dict[Contamination, int]
    unranked: dict[str, str]


@dataclass(frozen=True)
class _Fill:
    day: date
    at: datetime
    symbol: str
    side: str
    quantity: int
    notional_cents: int
    fee_cents: int
    realised_cents: int | None
    net_cents: int | None
    inside: bool
    """Whether it was filled inside its bar, not at the opening."""


@dataclass(frozen=True)
class _Value:
    day: date
    nav_cents: int
    invested: float
    provisional: bool


class Scores:
    """What the board needs of every model up to a day, read once."""

    def __init__(self, arena: Arena, last: date) -> None:
        self._arena = arena
        self._models = registered_models(arena.store)
        self._configured = {model.id for model in arena.settings.models}
        self._values: dict[str, list[_Value]] = defaultdict(list)
        self._fills: dict[str, list[_Fill]] = defaultdict(list)
        self._flags: dict[str, dict[date, Contamination]] = defaultdict(dict)
        self._calls: dict[str, list[tuple[date, str, int, float]]] = defaultdict(list)
        self._versions: list[tuple[date, str, str]] = []
        self._prices = ScorePrices(arena, last)
        self._read(last.isoformat())

    def _read(self, until: str) -> None:
        arena = self._arena
        with arena.store.ledger.read() as connection:
            for row in connection.execute(
                select(snapshots_table)
                .where(snapshots_table.c.superseded_at.is_(None), snapshots_table.c.trading_day <= until)
                .order_by(snapshots_table.c.trading_day)
            ):
                liquid = row.cash_cents + row.receivable_cents
                invested = 1 - liquid / row.nav_cents if row.nav_cents else 0.0
                self._values[row.model].append(
                    _Value(date.fromisoformat(row.trading_day), row.nav_cents, invested, row.provisional)
                )
            for row in connection.execute(
                select(fills_table, orders.c.type)
                .join(orders, orders.c.id == fills_table.c.order_id)
                .where(fills_table.c.superseded_at.is_(None), fills_table.c.trading_day <= until)
                .order_by(fills_table.c.filled_at, fills_table.c.row_id)
            ):
                self._fills[row.model].append(
                    _Fill(
                        date.fromisoformat(row.trading_day),
                        datetime.fromisoformat(row.filled_at),
                        row.symbol,
                        row.side,
                        row.quantity,
                        row.notional_cents,
                        row.fee_cents,
                        row.realised_cents,
                        row.net_cents,
                        row.type != OrderType.MARKET and not self._at_opening(row),
                    )
                )
            kinds = dict(self._models)
            for row in connection.execute(
                select(
                    decisions.c.model,
                    decisions.c.trading_day,
                    decisions.c.contamination,
                    decisions.c.code_version,
                )
                .where(decisions.c.trading_day <= until)
                .order_by(decisions.c.session)
            ):
                day = date.fromisoformat(row.trading_day)
                self._versions.append((day, row.model, row.code_version))
                if kinds.get(row.model) is ModelKind.LLM:
                    earlier = self._flags[row.model].get(day, Contamination.CLEAN)
                    if earlier is Contamination.CLEAN:
                        self._flags[row.model][day] = Contamination(row.contamination)
            for row in connection.execute(
                select(orders.c.model, orders.c.session, orders.c.symbol, orders.c.side, orders.c.confidence)
                .where(
                    orders.c.accepted,
                    orders.c.confidence.is_not(None),
                    orders.c.parent.is_(None),
                    orders.c.replaces.is_(None),
                    (orders.c.side == Side.BUY.value) | (orders.c.type == OrderType.MARKET.value),
                )
                .order_by(orders.c.session, orders.c.seq)
            ):
                self._calls[row.model].append(
                    (
                        date.fromisoformat(row.session[:10]),
                        row.symbol,
                        1 if row.side == Side.BUY else -1,
                        float(row.confidence),
                    )
                )
        with (arena.origin or arena.store).ledger.read() as connection:
            self._costs = [
                (row.spender, date.fromisoformat(row.session[:10]), row.cost_usd)
                for row in connection.execute(
                    select(model_costs.c.spender, model_costs.c.session, model_costs.c.cost_usd)
                )
            ]

    # -- which days count ------------------------------------------------------------------------------

    def not_settled(self, day: date) -> list[str]:
        """The configured models that have no book of a day yet."""
        settled = {model for model, values in self._values.items() if any(each.day == day for each in values)}
        return sorted(self._configured - settled)

    def window(self, day: date) -> Window:
        board_days = self._arena.calendar.days(self._arena.start, day)
        unranked = self.retired(day)
        marks: dict[date, Contamination] = {}
        for model, kind in self._models:
            flags = {at: found for at, found in self._flags[model].items() if at <= day}
            if kind is not ModelKind.LLM or not flags or model in unranked:
                continue
            if Contamination.CLEAN not in flags.values():
                known = Contamination.CONTAMINATED in flags.values()
                unranked[model] = (
                    "every day lies before its knowledge cutoff"
                    if known
                    else "its knowledge cutoff is not given, and no day was decided live"
                )
                continue
            for at, found in flags.items():
                if found is not Contamination.CLEAN and marks.get(at) is not Contamination.CONTAMINATED:
                    marks[at] = found
        left_out = frozenset(at for at in board_days if at in marks)
        counts = {
            kind: sum(marks[at] is kind for at in left_out)
            for kind in (Contamination.CONTAMINATED, Contamination.UNKNOWN)
        }
        return Window(left_out, counts, unranked)

    def retired(self, day: date) -> dict[str, str]:
        """The models that have left and whose book ended before a day, with where it ends."""
        found = {}
        for model, _ in self._models:
            last = max((value.day for value in self._values[model] if value.day <= day), default=None)
            if model not in self._configured and last != day:
                found[model] = f"it is no longer configured: its last value is of {last or 'no day'}"
        return found

    # -- one model -------------------------------------------------------------------------------------

    def records(self, day: date, window: Window) -> list[ModelRecord]:
        return [self._record(model, kind, day, window) for model, kind in self._models]

    def _record(self, model: str, kind: ModelKind, day: date, window: Window) -> ModelRecord:
        values = [value for value in self._values[model] if value.day <= day]
        done = self._done(model, day, () if model in window.unranked else window.left_out)
        return ModelRecord(
            model=model,
            kind=kind.value,
            navs=[(value.day, value.nav_cents) for value in values],
            starting_cash_cents=to_cents(self._arena.settings.arena.starting_cash),
            closed_nets=[fill.net_cents for fill in done if fill.net_cents is not None],
            trades=len(done),
            fees_cents=sum(fill.fee_cents for fill in done),
            bought_cents=sum(fill.notional_cents for fill in done if fill.side == Side.BUY),
            sold_cents=sum(fill.notional_cents for fill in done if fill.side == Side.SELL),
            llm_cost_usd=self._cost(model, kind, day),
            provisional=not values or values[-1].day != day or values[-1].provisional,
            invested=[(value.day, value.invested) for value in values],
        )

    def _done(self, model: str, day: date, left_out: Collection[date]) -> list[_Fill]:
        return [fill for fill in self._fills[model] if fill.day <= day and fill.day not in left_out]

    def _cost(self, model: str, kind: ModelKind, day: date) -> Decimal | None:
        """USD; a baseline asks no model. None when the cost of any call is unknown."""
        if kind is ModelKind.BASELINE:
            return Decimal(0)
        costs = [cost for spender, at, cost in self._costs if spender == model and at <= day]
        if any(cost is None for cost in costs):
            return None
        return sum((Decimal(cost) for cost in costs), Decimal(0))

    # -- chance ----------------------------------------------------------------------------------------

    def assessment(self, records: Sequence[ModelRecord], day: date, window: Window) -> Assessment:
        """Of the ranked models that have a value on every day that counts; what is said of the others is why
        they are not among them."""
        others = not_comparable(records, day, window.left_out, window.unranked)
        whole = {
            record.model: list(returns_that_count(record, day, window.left_out).values())
            for record in records
            if record.model not in window.unranked and record.model not in others
        }
        versions = {(model, version) for at, model, version in self._versions if at <= day}
        return assess(
            whole,
            trials=max(len(versions), len(whole), 1),
            seed=self._arena.settings.arena.seed,
            draws=DRAWS,
            not_assessed=others,
        )

    def luck(self, model: str, day: date, window: Window) -> Luck:
        """Of the purchases on days that count. What is sold on any day is sold."""
        places = self._prices.places
        fills = [
            (
                Trade(
                    fill.at,
                    places[fill.symbol],
                    fill.notional_cents,
                    None if fill.realised_cents is None else fill.notional_cents - fill.realised_cents,
                    fill.inside,
                    fill.day not in window.left_out,
                ),
                fill.quantity,
            )
            for fill in self._fills[model]
            if fill.day <= day
        ]
        return luck(
            with_fractions(fills, self._prices.splits, places),
            self._prices.at,
            self._prices.marks[day],
            shares=self._prices.shares,
            seed=self._arena.settings.arena.seed,
        )

    def skills(self, model: str, day: date, window: Window) -> dict[int, Skill]:
        made = [call for call in self._calls[model] if call[0] <= day and call[0] not in window.left_out]
        return {
            horizon: skill(
                [
                    Call(at, symbol, direction, confidence, self._outcome(symbol, at, horizon, day))
                    for at, symbol, direction, confidence in made
                ],
                horizon,
            )
            for horizon in HORIZONS
        }

    def _outcome(self, symbol: str, at: date, horizon: int, day: date) -> float | None:
        closes, benchmark = self._prices.closes, self._arena.settings.universe.benchmark
        days = self._prices.following(at, horizon, day)
        return relative_return(closes.get(symbol, {}), closes[benchmark], days, horizon)

    def _at_opening(self, fill: Any) -> bool:
        bar = self._prices.bar_at(fill.symbol, datetime.fromisoformat(fill.filled_at))
        return bar is not None and Decimal(fill.price) == bar.open
