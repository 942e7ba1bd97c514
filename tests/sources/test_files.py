"""Prices from files: the recorded layouts, their real defects, and files made to be wrong."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.errors import ArchiveMissing, DataError
from arena_pipeline.market.bars import Adjustment, price
from arena_pipeline.market.calendar import BERLIN, trading_calendar
from arena_pipeline.market.checks import FindingKind
from arena_pipeline.sources.files import FilePrices
from arena_pipeline.sources.price_tables import PriceRow, PriceTable
from arena_pipeline.sources.prices import PriceReply
from arena_pipeline.sources.recorder import MemoryRecorder
from arena_pipeline.trading.corporate_actions import ActionKind

NOW = datetime(2025, 10, 24, 6, 30, tzinfo=UTC)
FIRST, LAST = date(2005, 1, 1), date(2030, 1, 1)
HEADER = "Date,Open,High,Low,Close,Volume\n"
DAYS = "2025-03-03,10,11,9,10.5,100\n2025-03-04,10.5,12,10,11,200\n"


def source(
    path: Path,
    benchmark_path: Path,
    symbols: Sequence[str] = ("SAP.DE",),
    *,
    recorder: MemoryRecorder | None = None,
    market: str = "XETR",
    benchmark: str = "^GDAXI",
) -> FilePrices:
    return FilePrices(
        path,
        benchmark_path,
        benchmark=benchmark,
        symbols=symbols,
        adjustment=Adjustment.SPLIT,
        calendar=trading_calendar(market),
        max_jump=0.35,
        recorder=recorder or MemoryRecorder(),
        clock=lambda: NOW,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a benchmark beside it; tests add `prices/*`."""
    (tmp_path / "prices").mkdir()
    (tmp_path / "index.csv").write_text(HEADER + DAYS, encoding="utf-8")
    return tmp_path


def read(folder: Path, symbols: Sequence[str] = ("SAP.DE",)) -> PriceReply:
    return source(folder / "prices", folder / "index.csv", symbols).daily(symbols, FIRST, LAST)


def kinds(reply: PriceReply) -> Counter[FindingKind]:
    return Counter(finding.kind for finding in reply.findings)


def data_rows(file: Path) -> int:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return sum(1 for row in csv.reader(text) if row and row[0][:1].isdigit())


@pytest.mark.recorded
@pytest.mark.parametrize("name", ["xetra_daily_2010_2019", "xetra_daily_2023_2024"])
def test_every_recorded_row_is_a_bar_or_quarantined(recorded_data: Path, name: str) -> None:
    path = recorded_data / name
    files = sorted(path.glob("*.csv"))
    symbols = [file.stem for file in files]
    reply = source(path, recorded_data / "dax_index", symbols).daily(symbols, FIRST, LAST)
    bars = Counter(bar.symbol for bar in reply.bars)
    quarantined = Counter(finding.symbol for finding in reply.findings if finding.quarantined)
    assert reply.missing == {}
    assert {file.stem: data_rows(file) for file in files} == dict(bars + quarantined)


@pytest.mark.recorded
def test_the_recorded_defects_of_2010_to_2019_are_named_with_their_lines(recorded_data: Path) -> None:
    path = recorded_data / "xetra_daily_2010_2019"
    reply = source(path, recorded_data / "dax_index", ["SAP.DE"]).daily(["SAP.DE"], FIRST, LAST)
    found = {
        (finding.kind, finding.day, finding.file, finding.line)
        for finding in reply.findings
        if finding.quarantined
    }
    assert (FindingKind.HIGH_BELOW_LOW, date(2012, 6, 11), "SAP.DE.csv", 626) in found
    holidays = {finding.day for finding in reply.findings if finding.kind is FindingKind.NOT_A_TRADING_DAY}
    assert holidays >= {date(2015, 12, 25), date(2017, 6, 5), date(2017, 10, 3)}
    assert len(holidays) == 5


@pytest.mark.recorded
def test_the_recorded_stale_bars_of_2024_are_kept_and_flagged(recorded_data: Path) -> None:
    path = recorded_data / "xetra_daily_2023_2024"
    reply = source(path, recorded_data / "dax_index", ["ALV.DE"]).daily(["ALV.DE"], FIRST, LAST)
    assert [bar.day for bar in reply.bars if bar.stale] == [
        date(2024, 11, 1),
        date(2024, 11, 28),
        date(2024, 12, 10),
    ]
    assert [finding.line for finding in reply.findings if finding.kind is FindingKind.STALE] == [
        367,
        386,
        394,
    ]


@pytest.mark.recorded
def test_yfinance_columns_are_read_by_name_and_its_second_header_is_no_row(recorded_data: Path) -> None:
    path = recorded_data / "xetra_daily_2023_2024"
    reply = source(path, recorded_data / "dax_index").daily(["SAP.DE"], date(2023, 6, 2), date(2023, 6, 2))
    (bar,) = reply.bars
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
        Decimal("123.1200"),
        Decimal("124.4200"),
        Decimal("122.9600"),
        Decimal("124.3600"),
        2076560,
    )
    assert reply.findings == []


@pytest.mark.recorded
def test_the_investing_layout_is_read(recorded_data: Path) -> None:
    path = recorded_data / "xetra_daily_2010_2019"
    reply = source(path, recorded_data / "dax_index").daily(["^GDAXI"], date(2010, 1, 4), date(2025, 2, 24))
    first, last = reply.bars[0], reply.bars[-1]
    assert (last.day, last.close, last.open, last.volume) == (
        date(2025, 2, 24),
        Decimal("22481.4300"),
        Decimal("22512.1500"),
        20_280_000,
    )
    assert (first.day, first.close, first.volume) == (date(2010, 1, 4), Decimal("6048.3000"), 0)
    assert len(reply.bars) + sum(finding.quarantined for finding in reply.findings) == 3849
    assert not any(bar.stale for bar in reply.bars)


@pytest.mark.recorded
def test_one_file_with_a_symbol_column_is_cut_by_symbol(recorded_data: Path) -> None:
    path = recorded_data / "aitrader_us_daily"
    prices = source(
        path / "prices.csv",
        path / "benchmark_QQQ.csv",
        ["AAPL", "ZS"],
        market="XNYS",
        benchmark="QQQ",
    )
    reply = prices.daily(["AAPL", "ZS", "QQQ", "NOPE"], FIRST, LAST)
    assert Counter(bar.symbol for bar in reply.bars) == {"AAPL": 25, "ZS": 25, "QQQ": 26}
    assert [(finding.kind, finding.file, finding.line) for finding in reply.findings] == [
        (FindingKind.NULL_PRICE, "prices.csv", 27),
        (FindingKind.NULL_PRICE, "prices.csv", 2627),
    ]
    assert reply.missing == {"NOPE": "not covered by files: no file named NOPE, and no rows for it"}


@pytest.mark.recorded
def test_a_replay_gives_equal_bars_with_the_folder_gone(recorded_data: Path, tmp_path: Path) -> None:
    (tmp_path / "prices").mkdir()
    shutil.copy(recorded_data / "xetra_daily_2023_2024" / "SAP.DE.csv", tmp_path / "prices")
    shutil.copytree(recorded_data / "dax_index", tmp_path / "index")
    recorder = MemoryRecorder()
    asked = (["SAP.DE", "^GDAXI"], FIRST, LAST)
    live = source(tmp_path / "prices", tmp_path / "index", recorder=recorder).daily(*asked)
    shutil.rmtree(tmp_path / "prices")
    shutil.rmtree(tmp_path / "index")
    recorder.offline = True
    assert source(tmp_path / "prices", tmp_path / "index", recorder=recorder).daily(*asked) == live
    assert {request for _, request in recorder.answers} == {
        "manifest",
        "SAP.DE.csv",
        "benchmark/GDAXI_2010_2025-02_investing_format.csv",
    }


def test_a_replay_without_a_recording_asks_the_disk_for_nothing(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    prices = source(folder / "prices", folder / "index.csv", recorder=MemoryRecorder(offline=True))
    with pytest.raises(ArchiveMissing):
        prices.daily(["SAP.DE"], FIRST, LAST)


def test_a_bar_spans_the_trading_hours_and_is_known_at_the_close(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    bar = read(folder).bars[0]
    assert bar.start == datetime(2025, 3, 3, 8, 0, tzinfo=UTC)
    assert bar.end == bar.known_at == datetime(2025, 3, 3, 16, 30, tzinfo=UTC)
    assert (bar.vintage, bar.source, bar.id) == (1, "files", "bar:SAP.DE:2025-03-03:1")


def test_bad_rows_become_findings_with_file_and_line(folder: Path) -> None:
    rows = [
        "2025-03-03,10,11,9,10.5,100",
        "2025-03-04,10,11,9,10.5",
        "2025-03-05,null,null,null,null,null",
        "2025-03-06,10,11,9,NaN,100",
        "2025-03-07,10,Infinity,9,10.5,100",
        "2025-03-10,-10,11,9,10.5,100",
        "2025-03-11,10,11,9,abc,100",
        "2025-03-12,10,11,9,10.5,-5",
        "2025-03-13,1.5e+73,11,9,10.5,100",
        "yesterday,10,11,9,10.5,100",
        "2025-03-14,10,11,9,10.5,many",
        "1850-03-14,10,11,9,10.5,100",
        "9999-12-31,10,11,9,10.5,100",
        "2025-03-17 09:15:00,10,11,9,10.5,100",
        "2025-03-18,0,11,9,10.5,100",
        "",
        "2025-03-19,10,11,9,10.5,1e2",
    ]
    (folder / "prices" / "SAP.DE.csv").write_bytes(
        b"\xef\xbb\xbf" + HEADER.encode() + "\r\n".join(rows).encode()
    )
    reply = read(folder)
    assert [bar.day.day for bar in reply.bars] == [3, 19]
    assert reply.bars[-1].volume == 100
    found = {finding.line: finding.kind for finding in reply.findings if finding.quarantined}
    assert found == {
        3: FindingKind.MALFORMED_ROW,
        4: FindingKind.NULL_PRICE,
        5: FindingKind.NULL_PRICE,
        6: FindingKind.MALFORMED_ROW,
        7: FindingKind.NON_POSITIVE,
        8: FindingKind.MALFORMED_ROW,
        9: FindingKind.NON_POSITIVE,
        10: FindingKind.MALFORMED_ROW,
        11: FindingKind.MALFORMED_ROW,
        12: FindingKind.MALFORMED_ROW,
        13: FindingKind.NOT_A_TRADING_DAY,
        14: FindingKind.NOT_A_TRADING_DAY,
        15: FindingKind.MALFORMED_ROW,
        16: FindingKind.NON_POSITIVE,
    }
    assert {finding.file for finding in reply.findings if finding.quarantined} == {"SAP.DE.csv"}


def test_rows_of_a_table_that_name_no_symbol_are_findings_too(folder: Path) -> None:
    """The row that is cut off has lost its symbol with the end of its line."""
    rows = ["2025-03-03,10,11,9,10,1,SAP.DE", "2025-03-04,10,11", "2025-03-05,10,11,9,10,1,"]
    for name, lines in (
        ("all.csv", ["date,open,high,low,close,volume,symbol", *rows]),
        (
            "corporate_actions.csv",
            ["symbol,ex_date,type,ratio,amount,pay_date", ",2025-03-06,dividend,,2.20,"],
        ),
    ):
        (folder / "prices" / name).write_text("\n".join(lines))
    reply = read(folder)
    assert [bar.day for bar in reply.bars] == [date(2025, 3, 3)]
    assert [str(finding) for finding in reply.findings] == [
        "all.csv:3: without a date: malformed_row: 3 fields instead of 7",
        "all.csv:4: 2025-03-05: malformed_row: no symbol",
        "corporate_actions.csv:2: 2025-03-06: malformed_row: no symbol",
    ]


def test_semicolons_and_decimal_commas_are_read(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(
        "Datum;Eröffnung;Schluss;Tageshoch;Tagestief;Volumen\n"
        "03.03.2025;1.234,50;1.240,00;1.250,25;1.230,00;1.000\n",
        encoding="utf-8",
    )
    (bar,) = read(folder).bars
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
        Decimal("1234.5000"),
        Decimal("1250.2500"),
        Decimal("1230.0000"),
        Decimal("1240.0000"),
        1000,
    )


def test_semicolons_and_decimal_points_are_read(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(
        "date;open;high;low;close\n2025-03-03;10.25;11.5;9.75;10.5\n", encoding="utf-8"
    )
    assert read(folder).bars[0].high == Decimal("11.5000")


def test_figures_that_could_be_decimals_or_thousands_are_refused(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(
        "date;open;high;low;close\n2025-03-03;1.250;1.500;1.125;1.250\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"SAP\.DE\.csv: cannot tell decimal commas"):
        read(folder)


@pytest.mark.parametrize(
    ("text", "day"), [("31/03/2025", date(2025, 3, 31)), ("03/31/2025", date(2025, 3, 31))]
)
def test_slashed_dates_are_read_as_the_file_suggests(folder: Path, text: str, day: date) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + f"{text},10,11,9,10,1\n", encoding="utf-8")
    assert read(folder).bars[0].day == day


def test_slashed_dates_that_could_be_either_are_refused(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + "03/04/2025,10,11,9,10,1\n", encoding="utf-8")
    with pytest.raises(DataError, match="MM/DD/YYYY or DD/MM/YYYY"):
        read(folder)


def test_a_day_shifted_to_utc_lands_on_its_day_in_berlin(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(
        HEADER + "2026-03-01T23:00:00Z,10,11,9,10,1\n2026-03-03 00:00:00+01:00,10,11,9,10,1\n",
        encoding="utf-8",
    )
    assert [bar.day for bar in read(folder).bars] == [date(2026, 3, 2), date(2026, 3, 3)]


def test_yfinances_three_line_header_is_read(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(
        "Price,Close,High,Low,Open,Volume\nTicker,SAP.DE,SAP.DE,SAP.DE,SAP.DE,SAP.DE\nDate,,,,,\n"
        "2025-03-03,10.5,11,9,10,100\n",
        encoding="utf-8",
    )
    reply = read(folder)
    assert [(bar.open, bar.close) for bar in reply.bars] == [(Decimal("10.0000"), Decimal("10.5000"))]
    assert reply.findings == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"<html>Too many requests</html>", "has no column date, open, high, low, close"),
        (b"Date,Open,High,Low,close_adj\n2025-03-03,1,1,1,1\n", "has no column close"),
        (b"Date,Open,High,Low,Close,Close\n", "more than one column close"),
        (b"\xff\xfeD\x00", "is not UTF-8"),
        (b"PAR1 but not really", "no readable Parquet"),
        (b'Date,Open,High,Low,Close\n"' + b"x" * 200_000, "field larger than field limit"),
    ],
)
def test_a_file_that_is_no_price_table_is_refused_by_name(
    folder: Path, content: bytes, complaint: str
) -> None:
    (folder / "prices" / "SAP.DE.csv").write_bytes(content)
    with pytest.raises(DataError, match=complaint) as error:
        read(folder)
    assert "SAP.DE.csv" in str(error.value)


def test_a_folder_without_prices_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"holds no \.csv or \.parquet"):
        read(folder)


def test_a_lonely_file_of_nobody_is_refused(folder: Path) -> None:
    (folder / "prices" / "export.csv").write_text(HEADER + DAYS, encoding="utf-8")
    with pytest.raises(DataError, match="no symbol column"):
        read(folder, ["SAP.DE", "SIE.DE"])


def test_a_lonely_file_belongs_to_the_only_symbol_beside_the_benchmark(folder: Path) -> None:
    (folder / "prices" / "export.csv").write_text(HEADER + DAYS, encoding="utf-8")
    reply = read(folder, ["SAP.DE", "^GDAXI"])
    assert Counter(bar.symbol for bar in reply.bars) == {"SAP.DE": 2, "^GDAXI": 2}


def test_two_files_of_one_symbol_are_refused(folder: Path) -> None:
    for name in ("SAP.DE.csv", "SAP_DE.csv"):
        (folder / "prices" / name).write_text(HEADER + DAYS, encoding="utf-8")
    with pytest.raises(DataError, match=r"SAP\.DE has more than one file"):
        read(folder)


def test_other_tables_of_a_folder_are_left_alone(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    (folder / "prices" / "trades.csv").write_text("model,seq\nx,1\n", encoding="utf-8")
    reply = read(folder, ["SAP.DE", "SIE.DE"])
    assert len(reply.bars) == 2
    assert set(reply.missing) == {"SIE.DE"}


def test_days_without_bars_are_said_with_their_dates(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    prices = source(folder / "prices", folder / "index.csv")
    reply = prices.daily(["SAP.DE"], date(2025, 3, 5), date(2025, 3, 6))
    assert reply.missing == {"SAP.DE": "no bars between 2025-03-05 and 2025-03-06"}


def test_a_stale_bar_is_recognised_across_the_first_day_asked_for(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(
        HEADER + DAYS + "2025-03-05,11,11,11,11,0\n", encoding="utf-8"
    )
    prices = source(folder / "prices", folder / "index.csv")
    (bar,) = prices.daily(["SAP.DE"], date(2025, 3, 5), date(2025, 3, 5)).bars
    assert bar.stale


def test_files_have_no_intraday_bars(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    reply = source(folder / "prices", folder / "index.csv").intraday(["SAP.DE"], FIRST, LAST)
    assert reply == PriceReply(missing={"SAP.DE": "files have daily bars only"})


def test_parquet_gives_the_bars_of_the_csv(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    from_csv = read(folder).bars
    (folder / "prices" / "SAP.DE.csv").unlink()
    table = pyarrow.table(
        {
            "Close": [10.5, 11.0, float("nan")],
            "Date": [datetime(2025, 3, 3), datetime(2025, 3, 4), datetime(2025, 3, 5)],  # noqa: DTZ001
            "High": [11.0, 12.0, 1.0],
            "Low": [9.0, 10.0, 1.0],
            "Open": [10.0, 10.5, 1.0],
            "Volume": [100, 200, 0],
        }
    )
    pyarrow.parquet.write_table(table, folder / "prices" / "SAP.DE.parquet")
    reply = read(folder)
    figures = [(bar.day, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in reply.bars]
    assert figures == [(bar.day, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in from_csv]
    assert [(finding.kind, finding.line) for finding in reply.findings] == [(FindingKind.NULL_PRICE, 3)]


def test_corporate_actions_are_read_and_bad_ones_reported(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    (folder / "prices" / "corporate_actions.csv").write_text(
        "symbol,ex_date,type,ratio,amount,pay_date\n"
        "SAP.DE,2025-05-14,dividend,,2.35,2025-05-16\n"
        "SAP.DE,2025-03-04,split,3:2,,\n"
        "SAP.DE,2025-03-08,split,1/10,,\n"
        "SAP.DE,2025-05-15,dividend,,-1,\n"
        "SAP.DE,2025-05-16,split,0,,\n"
        "SAP.DE,2025-05-19,split,1/0,,\n"
        "SAP.DE,2025-05-14,dividend,,2.35,2025-05-16\n"
        "SAP.DE,soon,merger,,,\n",
        encoding="utf-8",
    )
    reply = source(folder / "prices", folder / "index.csv").actions(["SAP.DE"], FIRST, LAST)
    split, reverse, dividend = reply.actions
    assert (split.kind, split.ratio, split.amount) == (ActionKind.SPLIT, Fraction(3, 2), None)
    assert split.known_at == datetime(2025, 3, 4, 8, 0, tzinfo=UTC)
    assert (reverse.ratio, reverse.known_at) == (Fraction(1, 10), datetime(2025, 3, 10, 8, 0, tzinfo=UTC))
    assert (dividend.amount, dividend.pay_date) == (Decimal("2.35"), date(2025, 5, 16))
    assert {finding.line: finding.kind for finding in reply.findings} == {
        5: FindingKind.MALFORMED_ROW,
        6: FindingKind.MALFORMED_ROW,
        7: FindingKind.MALFORMED_ROW,
        8: FindingKind.DUPLICATE,
        9: FindingKind.MALFORMED_ROW,
    }


def test_no_corporate_actions_file_means_no_actions(folder: Path) -> None:
    (folder / "prices" / "SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
    assert source(folder / "prices", folder / "index.csv").actions(["SAP.DE"], FIRST, LAST).actions == []


@given(st.decimals(Decimal("0.0001"), Decimal("999999"), places=6))
def test_figures_never_pass_through_a_float(figure: Decimal) -> None:
    table = PriceTable("x.csv", f"date,open,high,low,close\n2025-03-03,{figure:f},1,1,1\n".encode(), BERLIN)
    (row,) = table.rows()
    if price(figure) > 0:
        assert isinstance(row, PriceRow)
        assert row.open == price(figure)


@given(st.binary(max_size=300))
def test_whatever_the_bytes_a_table_is_read_or_refused(noise: bytes) -> None:
    for content in (noise, HEADER.encode() + noise):
        try:
            rows = list(PriceTable("x.csv", content, BERLIN).rows())
        except DataError:
            continue
        assert len(rows) <= content.count(b"\n") + content.count(b"\r") + 1


class TestUncovered:
    """What an arena is told before it collects."""

    def test_symbols_in_files_of_their_own_and_in_a_table_are_covered(self, folder: Path) -> None:
        (folder / "prices/SAP.DE.csv").write_text(HEADER + DAYS, encoding="utf-8")
        rows = "".join(f"{symbol},2025-03-03,1,1,1,1\n" for symbol in ("SIE.DE", "ALV.DE"))
        (folder / "prices/all.csv").write_text("symbol,date,open,high,low,close\n" + rows, encoding="utf-8")
        (folder / "prices/notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        symbols = ("SAP.DE", "SIE.DE", "ALV.DE", "BMW.DE")
        assert source(folder / "prices", folder / "index.csv", symbols).uncovered() == ["BMW.DE"]

    def test_a_file_without_a_readable_row_covers_nothing(self, folder: Path) -> None:
        (folder / "prices/SAP.DE.csv").write_text(HEADER + "2025-03-03,x,1,1,1,1\n", encoding="utf-8")
        (folder / "index.csv").write_text(HEADER, encoding="utf-8")
        assert source(folder / "prices", folder / "index.csv").uncovered() == ["SAP.DE", "^GDAXI"]

    def test_the_only_file_of_the_only_symbol_may_have_any_name(self, folder: Path) -> None:
        (folder / "prices/export.csv").write_text(HEADER + DAYS, encoding="utf-8")
        assert source(folder / "prices", folder / "index.csv").uncovered() == []
