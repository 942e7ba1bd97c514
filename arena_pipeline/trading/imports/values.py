"""Text of a log or a price file as numbers and times, each believed only as far as it can be true."""

from __future__ import annotations

from datetime import date, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from arena_pipeline.market.bars import price
from arena_pipeline.trading.imports.findings import LONGEST_TEXT, ImportReason, Refused, quoted
from arena_pipeline.trading.limits import MOST_SHARES

HIGHEST_PRICE = Decimal(10**9)
FOUR_PLACES = Decimal("0.0001")


def whole(text: str, column: str) -> int:
    """A whole number from 0 to MOST_SHARES; pandas' `10.0` is one. Raises Refused."""
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= MOST_SHARES):
        raise Refused(
            ImportReason.BAD_NUMBER, f"{column} {quoted(text)!r} is no whole number from 0 to {MOST_SHARES}"
        )
    return int(digits)


def day_of(text: str) -> date:
    """Raises Refused."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(ImportReason.BAD_DATE, f"{quoted(text)!r} is no date such as 2025-10-24") from None


def time_of(text: str) -> time | None:
    """A time of the exchange's clock, or None where none is given. Raises Refused."""
    try:
        found = time.fromisoformat(text) if text else None
    except ValueError:
        raise Refused(ImportReason.BAD_DATE, f"{quoted(text)!r} is no time such as 14:30") from None
    if found is not None and found.tzinfo is not None:
        raise Refused(ImportReason.BAD_DATE, f"{quoted(text)!r} has an offset; times are the exchange's own")
    return found


def usable_price(text: str) -> Decimal | None:
    """A price to four decimals, above zero; None for anything else."""
    value = _decimal(text)
    try:
        return price(value) if value is not None and 0 < price(value) <= HIGHEST_PRICE else None
    except InvalidOperation:
        return None


def stated_price(text: str) -> Decimal | None:
    """The price that a log says it had, or None where it says none. Raises Refused."""
    found = usable_price(text)
    if text and found is None:
        raise Refused(ImportReason.BAD_NUMBER, f"price {quoted(text)!r} is no price")
    return found


def stated_fee(text: str) -> Decimal | None:
    """The fee that a log says it paid, or None where it says none. Raises Refused."""
    if not text:
        return None
    found = _decimal(text)
    if found is None or not 0 <= found <= HIGHEST_PRICE:
        raise Refused(ImportReason.BAD_NUMBER, f"fee {quoted(text)!r} is no amount")
    return found.quantize(FOUR_PLACES, ROUND_HALF_UP)


def canonical(text: str) -> str:
    """A number's text without what does not count (`5.0`, `5.` and `05` are `5`); other text as it is."""
    value = _decimal(text)
    if value is None or len(text) > LONGEST_TEXT:
        return text
    return str(value.normalize())


def _decimal(text: str) -> Decimal | None:
    """Digits in ASCII only, without Python's underscores."""
    try:
        value = Decimal(text) if text.isascii() and "_" not in text else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() else None
