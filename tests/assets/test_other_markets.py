"""A whole arena on another exchange: its hours on either side of summer time, its currency and fee."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from arena_pipeline.arena import Arena, open_store
from arena_pipeline.market.calendar import trading_calendar
from arena_pipeline.settings import load_settings
from arena_pipeline.verify import verify
from arena_pipeline.warehouse.tables import fills, orders
from arena_pipeline.warehouse.views import board

pytestmark = pytest.mark.slow


@pytest.fixture
def arena_on(tmp_path, monkeypatch):
    """An arena over two shares and an index that rise by one a day; it trades every month anew."""
    for name in ("ARENA_LEDGER_URL", "ARENA_LAKE_URL", "ARENA_HOME", "ARENA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    opened = []

    def made(code, symbols, first, last):
        calendar = trading_calendar(code)
        (tmp_path / "prices").mkdir()
        for number, name in enumerate((*(f"prices/{symbol}" for symbol in symbols), "index")):
            rows = [
                f"{day},{level},{level + 2},{level - 1},{level + 1},100000\n"
                for level, day in enumerate(calendar.days(date(2024, 6, 3), last), start=100 + 50 * number)
            ]
            (tmp_path / f"{name}.csv").write_text("Date,Open,High,Low,Close,Volume\n" + "".join(rows))
        (tmp_path / "arena.toml").write_text(
            f'[arena]\nmarket = "{code}"\nstart = "{first}"\n'
            f"[universe]\nsymbols = {list(symbols)}\n"
            '[prices]\nsource = "files"\npath = "prices"\nbenchmark_path = "index.csv"\n'
            '[news]\nsource = "none"\n'
            '[[models]]\nid = "random"\nkind = "baseline"\nstrategy = "random"\n'
            '[[models]]\nid = "held"\nkind = "baseline"\nstrategy = "benchmark"\n'
        )
        settings = load_settings(tmp_path / "arena.toml", home=tmp_path / "home")
        arena = Arena(settings, open_store(settings), clock=lambda: datetime(2026, 1, 5, tzinfo=UTC))
        opened.append(arena)
        return arena, calendar.days(first, last)

    yield made
    for arena in opened:
        arena.close()


@pytest.mark.parametrize(
    ("code", "symbols", "span", "openings", "terms"),
    [
        ("XNYS", ("KO", "PG"), (date(2025, 3, 3), date(2025, 3, 14)), {"14:30", "13:30"}, ("USD", "1.00")),
        ("XLON", ("BP.L", "X.L"), (date(2025, 3, 24), date(2025, 4, 4)), {"08:00", "07:00"}, ("GBP", "5.00")),
    ],
)  # fmt: skip
def test_an_arena_lives_in_the_hours_the_currency_and_the_fee_of_its_market(
    arena_on, steps, code, symbols, span, openings, terms
):
    arena, days = arena_on(code, symbols, *span)
    steps.all(arena, days)
    assert verify(arena) == []
    with arena.store.ledger.read() as connection:
        rows = connection.execute(
            select(fills, orders.c.session).join(orders, orders.c.id == fills.c.order_id)
        ).all()
    assert {row.filled_at[11:16] for row in rows} == openings
    for row in rows:
        assert (
            datetime.fromisoformat(row.filled_at)
            == arena.calendar.hours(date.fromisoformat(row.trading_day)).opens_at
        )
        assert row.filled_at > arena.calendar.session(row.session).time.isoformat()
    shown = board(arena.store, simulated=False)
    assert (shown["assessment"]["terms"]["currency"], shown["assessment"]["terms"]["fee_per_order"]) == terms
    assert {line["model"]: line["fees"] for line in shown["models"]}["held"] == terms[1]
    assert all(line["benchmark_return"] > 0 for line in shown["models"])
