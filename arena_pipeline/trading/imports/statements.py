"""What a log says of its own book, held against a replay on the log's own terms.

The replay charges the fees that the log states (none where it states none), so that what is found is an error
of the log and never our fee. A difference is named in the record where it begins and where it changes.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from arena_pipeline.trading.account import Account
from arena_pipeline.trading.imports.fills import Wanted
from arena_pipeline.trading.imports.findings import Difference, ImportReason, quoted
from arena_pipeline.trading.imports.records import StatedBook, TradeRow
from arena_pipeline.trading.imports.sequence import Placed
from arena_pipeline.trading.imports.unit import amount_of
from arena_pipeline.trading.imports.values import FOUR_PLACES
from arena_pipeline.trading.orders import RejectReason, Side

NOTHING = Decimal(0)


class Statements:
    """The differences of one model's log, as they are found."""

    def __init__(self, starting_cash: int) -> None:
        self._account = Account(starting_cash)
        self._before: StatedBook | None = None
        self._found: list[Difference] = []
        self._standing: dict[tuple[str, str], tuple[int, Decimal]] = {}

    @property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(self._found)

    def execute(self, fill: Wanted, fee: int) -> bool:
        """Post a fill with the log's own fee; whether its book could have it."""
        account = self._account
        outcome = (
            account.buy(fill.symbol, fill.quantity, fill.notional, fee, "")
            if fill.side is Side.BUY
            else account.sell(fill.symbol, fill.quantity, fill.notional, fee)
        )
        return not isinstance(outcome, RejectReason)

    def compare_fee(self, placed: Placed, theirs: Decimal, ours: int) -> None:
        self._note(placed, "fee", "", ImportReason.STATED_FEE, theirs, amount_of(ours), "")

    def compare_book(self, placed: Placed, *, executed: bool) -> None:
        """Hold what the record states, if anything, against the replay after it, and its holdings against
        those of the record before. A record whose action was not `executed` may leave them as they were."""
        stated = placed.row.stated
        if stated is None:
            return
        before, self._before = self._before, stated
        for symbol in sorted(
            {*stated.positions, *self._account.quantities, *(before.positions if before else ())}
        ):
            theirs = stated.positions.get(symbol, NOTHING)
            reason, detail = ImportReason.STATED_POSITION, ""
            if before is not None:
                held = before.positions.get(symbol, NOTHING)
                expected = held + _moved(placed.row, symbol)
                if theirs != expected and (executed or theirs != held):
                    reason = ImportReason.FORKED
                    detail = f"the record before and this action make {expected}"
            ours = Decimal(self._account.quantity(symbol))
            self._note(placed, "position", symbol, reason, theirs, ours, detail)
        cash = amount_of(self._account.cash)
        self._note(placed, "cash", "", ImportReason.STATED_CASH, stated.cash.quantize(FOUR_PLACES), cash, "")

    def _note(
        self,
        placed: Placed,
        topic: str,
        symbol: str,
        reason: ImportReason,
        theirs: Decimal,
        ours: Decimal,
        detail: str,
    ) -> None:
        key, difference = (topic, symbol), theirs - ours
        place, stood = self._standing.pop(key, (0, NOTHING))
        if reason is not ImportReason.FORKED:
            if not difference:
                return
            if difference == stood:
                self._found[place] = replace(self._found[place], records=self._found[place].records + 1)
                self._standing[key] = place, stood
                return
        self._standing[key] = len(self._found), difference
        self._found.append(
            Difference(
                placed.row.line,
                placed.seq,
                placed.day,
                quoted(symbol),
                reason,
                f"{theirs:f}",
                f"{ours:f}",
                1,
                detail,
            )
        )


def _moved(row: TradeRow, symbol: str) -> Decimal:
    """By how much the row says that a holding changed, be it possible or not."""
    if row.symbol != symbol or row.action not in (Side.BUY, Side.SELL):
        return NOTHING
    text = row.quantity.removesuffix(".0")
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20):
        return NOTHING
    return Decimal(text) if row.action == Side.BUY else -Decimal(text)
