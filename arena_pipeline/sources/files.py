"""Daily prices from files: CSV or Parquet, one file per symbol or one with a symbol column.

Everything read goes through the recorder, the list of files too, so that a replay works with the folder
gone. A bar from a file counts as known from its day's close: the history was public then. An optional
`corporate_actions.csv` beside the prices has the columns `symbol,ex_date,type,ratio,amount,pay_date`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from arena_pipeline.errors import DataError
from arena_pipeline.market.bars import Adjustment, Bar, Interval
from arena_pipeline.market.calendar import FIRST_YEAR, LAST_YEAR, TradingCalendar
from arena_pipeline.market.checks import Finding, FindingKind, Place, check_bars, nominal_hours
from arena_pipeline.sources.action_files import read_actions
from arena_pipeline.sources.price_tables import BadRow, PriceRow, PriceTable
from arena_pipeline.sources.prices import ActionReply, PriceReply
from arena_pipeline.sources.recorder import Recorded, Recorder
from arena_pipeline.trading.corporate_actions import CorporateAction

VENDOR = "files"
MANIFEST = "manifest"
ACTIONS_FILE = "corporate_actions.csv"
SUFFIXES = (".csv", ".parquet")
MAX_FILE_BYTES = 512_000_000
BENCHMARK_PREFIX = "benchmark/"
NOBODY = ""
"""Whose a row is that names no symbol."""


@dataclass(slots=True)
class _Content:
    """What all files together say, checked, before it is cut by dates."""

    bars: dict[str, list[Bar]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class _Table:
    """A parsed file: its rows by what its symbol column calls them, under `NOBODY` where it has none."""

    def __init__(self, name: str, recorded: Recorded, zone: ZoneInfo) -> None:
        table = PriceTable(name, recorded.body, zone)
        self.sha256 = recorded.sha256
        self.has_symbols = table.has_symbols
        self.rows: dict[str, list[PriceRow | BadRow]] = {}
        for row in table.rows():
            self.rows.setdefault(row.symbol or NOBODY, []).append(row)


class FilePrices:
    """Prices from a folder or a file, and the benchmark's from another.

    A file belongs to the symbol it is named after (`SAP.DE.csv`, also `SAP_DE.csv`); the other files of the
    folder are read when they have a symbol column. `adjustment` says what the files' closes already contain.
    Each file is read and parsed once. Raises DataError for a file that cannot be read as prices.
    """

    name = VENDOR

    def __init__(
        self,
        path: Path,
        benchmark_path: Path,
        *,
        benchmark: str,
        symbols: Sequence[str],
        adjustment: Adjustment,
        calendar: TradingCalendar,
        max_jump: float,
        recorder: Recorder,
        clock: Callable[[], datetime],
    ) -> None:
        self._roots = {"": path, BENCHMARK_PREFIX: benchmark_path}
        self._benchmark = benchmark
        self._symbols = tuple(symbol for symbol in symbols if symbol != benchmark)
        self._adjustment = adjustment
        self._calendar = calendar
        self._max_jump = max_jump
        self._recorder = recorder
        self._clock = clock

    def uncovered(self) -> list[str]:
        """The symbols of the arena without a file or without a readable row, the benchmark among them. Reads
        no further than the first row of each; raises DataError for a folder or file that holds no prices."""
        prices, benchmark = self._names()
        found: set[str] = set()
        if self._labelled(benchmark, {self._benchmark, self._benchmark.removeprefix("^"), ""}):
            found.add(self._benchmark)
        owners = _owners(prices, self._symbols)
        found |= {symbol for symbol, name in owners.items() if self._labelled(name, {symbol, ""})}
        without = {symbol for symbol in self._symbols if symbol not in owners}
        others = sorted(set(prices) - set(owners.values()))
        if len(self._symbols) == len(prices) == 1:
            without.add("")
        for name in others if without else ():
            try:
                found |= self._labelled(name, without - found, at_most=len(without - found))
            except DataError:
                if len(prices) == 1:
                    raise
        if "" in found:
            found.update(self._symbols)
        return [symbol for symbol in (*self._symbols, self._benchmark) if symbol not in found]

    def _labelled(self, name: str, labels: set[str], *, at_most: int = 1) -> set[str]:
        """Those of the labels that readable rows of a file have; a file without a symbol column has ""."""
        table = PriceTable(name, self._read(name).body, self._calendar.zone)
        found: set[str] = set()
        for row in table.rows():
            label = (row.symbol or "") if table.has_symbols else ""
            if label in labels and isinstance(row, PriceRow):
                found.add(label)
                if len(found) == at_most:
                    break
        return found

    def daily(self, symbols: Sequence[str], first: date, last: date) -> PriceReply:
        """Daily bars. Findings are cut by dates like the bars; those without a date are in every reply."""
        content = self._content
        reply = PriceReply()
        for symbol in symbols:
            bars = content.bars.get(symbol)
            within = [bar for bar in bars or [] if first <= bar.day <= last]
            reply.bars.extend(within)
            if not bars:
                reply.unknown.append(symbol)
            if bars is None:
                reply.missing[symbol] = f"not covered by files: no file named {symbol}, and no rows for it"
            elif not within:
                reply.missing[symbol] = f"no bars between {first} and {last}"
        wanted = set(symbols)
        if self._adjustment is Adjustment.RAW:
            reply.splits.extend(
                action
                for action in self._actions[0]
                if action.ratio is not None and action.symbol in wanted and action.ex_date <= last
            )
        reply.findings.extend(
            finding
            for finding in (*content.findings, *self._actions[1])
            if finding.symbol in {*wanted, NOBODY} and (finding.day is None or first <= finding.day <= last)
        )
        return reply

    def intraday(self, symbols: Sequence[str], first: date, last: date) -> PriceReply:
        """Always empty: `missing` says so for each symbol."""
        return PriceReply(missing=dict.fromkeys(symbols, "files have daily bars only"))

    def actions(self, symbols: Sequence[str], first: date, last: date) -> ActionReply:
        """Splits and dividends of `corporate_actions.csv`, known from the opening of their ex-date."""
        actions, findings = self._actions
        wanted = set(symbols)
        return ActionReply(
            [action for action in actions if action.symbol in wanted and first <= action.ex_date <= last],
            [
                finding
                for finding in findings
                if finding.symbol in {*wanted, NOBODY}
                and (finding.day is None or first <= finding.day <= last)
            ],
        )

    @functools.cached_property
    def _manifest(self) -> tuple[str, ...]:
        """Names of all files, the benchmark's with their prefix."""
        recorded = self._recorder.recall(VENDOR, MANIFEST)
        if recorded is None:
            names = [prefix + name for prefix, root in self._roots.items() for name in _listing(root)]
            recorded = Recorded(200, json.dumps(names).encode(), self._clock())
            self._recorder.record(VENDOR, MANIFEST, recorded)
        return tuple(json.loads(recorded.body))

    def _read(self, name: str) -> Recorded:
        recorded = self._recorder.recall(VENDOR, name)
        if recorded is None:
            prefix = BENCHMARK_PREFIX if name.startswith(BENCHMARK_PREFIX) else ""
            root = self._roots[prefix]
            file = root / name.removeprefix(prefix) if root.is_dir() else root
            try:
                if file.stat().st_size > MAX_FILE_BYTES:
                    raise DataError(f"{file} is larger than {MAX_FILE_BYTES} bytes", remedy="split it")
                content = file.read_bytes()
            except OSError as error:
                raise DataError(f"{file} cannot be read: {error.strerror}") from None
            recorded = Recorded(200, content, self._clock())
            self._recorder.record(VENDOR, name, recorded)
        return recorded

    @functools.cached_property
    def _content(self) -> _Content:
        content = _Content()
        prices, benchmark = self._names()
        own = self._table(benchmark)
        self._add(content, own, {self._benchmark, self._benchmark.removeprefix("^")})
        content.findings.extend(_of_nobody(own))
        owners = _owners(prices, self._symbols)
        for symbol, name in owners.items():
            table = self._table(name)
            self._add(content, table, {symbol})
            content.findings.extend(_of_nobody(table))
        without = [symbol for symbol in self._symbols if symbol not in owners]
        for name in sorted(set(prices) - set(owners.values())) if without else ():
            self._add_unnamed(content, name, without, alone=len(prices) == 1)
        return content

    def _names(self) -> tuple[list[str], str]:
        """The files of prices, and the benchmark's."""
        names = [name for name in self._manifest if PurePosixPath(name).name != ACTIONS_FILE]
        benchmarks = [name for name in names if name.startswith(BENCHMARK_PREFIX)]
        prices = [name for name in names if not name.startswith(BENCHMARK_PREFIX)]
        return prices, _benchmark_file(benchmarks, self._benchmark)

    def _table(self, name: str) -> _Table:
        return _Table(name, self._read(name), self._calendar.zone)

    def _add_unnamed(self, content: _Content, name: str, symbols: Sequence[str], *, alone: bool) -> None:
        """A file not named after a symbol: prices only if it says whose, or if nothing else can be meant."""
        try:
            table = self._table(name)
        except DataError:
            if alone:
                raise
            return
        if table.has_symbols:
            for symbol in symbols:
                self._add(content, table, {symbol})
            content.findings.extend(_of_nobody(table))
        elif alone and len(self._symbols) == 1:
            self._add(content, table, set(symbols))
        elif alone:
            raise DataError(
                f"{name} has no symbol column and is not named after a symbol",
                remedy="name it like SAP.DE.csv or add the column",
            )

    def _add(self, content: _Content, table: _Table, labels: set[str]) -> None:
        """Add one symbol's rows; `labels` are what its symbol column may call it, the symbol among them."""
        symbol = max(labels, key=len)
        bars: list[Bar] = []
        places: list[Place] = []
        wanted = labels if table.has_symbols else {""}
        rows = [row for label in sorted(wanted & table.rows.keys()) for row in table.rows[label]]
        for row in rows:
            if isinstance(row, BadRow):
                content.findings.append(_finding(symbol, row.place, row.day, row.kind, row.detail))
            elif not FIRST_YEAR <= row.day.year <= LAST_YEAR:
                detail = f"{row.day} lies outside the calendar ({FIRST_YEAR} to {LAST_YEAR})"
                content.findings.append(
                    _finding(symbol, row.place, None, FindingKind.NOT_A_TRADING_DAY, detail)
                )
            else:
                bars.append(self._bar(symbol, row, table.sha256))
                places.append(row.place)
        splits = {(action.symbol, action.ex_date) for action in self._actions[0] if action.ratio is not None}
        kept, findings = check_bars(
            bars, self._calendar, max_jump=self._max_jump, places=places, splits=splits
        )
        content.findings.extend(findings)
        if rows:
            content.bars[symbol] = kept

    def _bar(self, symbol: str, row: PriceRow, sha256: str) -> Bar:
        hours = nominal_hours(self._calendar, row.day)
        return Bar(
            symbol=symbol,
            interval=Interval.DAILY,
            day=row.day,
            start=hours.opens_at,
            end=hours.closes_at,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            adjustment=self._adjustment,
            stale=False,
            known_at=hours.closes_at,
            vintage=1,
            source=VENDOR,
            raw=sha256,
        )

    @functools.cached_property
    def _actions(self) -> tuple[list[CorporateAction], list[Finding]]:
        if ACTIONS_FILE not in self._manifest:
            return [], []
        recorded = self._read(ACTIONS_FILE)
        return read_actions(ACTIONS_FILE, recorded, self._calendar)


def _of_nobody(table: _Table) -> list[Finding]:
    """The rows of a table with a symbol column that do not say whose they are."""
    rows = table.rows.get(NOBODY, ()) if table.has_symbols else ()
    return [
        _finding(NOBODY, row.place, row.day, row.kind, row.detail)
        if isinstance(row, BadRow)
        else _finding(NOBODY, row.place, row.day, FindingKind.MALFORMED_ROW, "no symbol")
        for row in rows
    ]


def _listing(root: Path) -> list[str]:
    if root.is_file():
        return [root.name]
    if not root.is_dir():
        raise DataError(f"{root} does not exist", remedy="set prices.path to a folder or file of prices")
    names = sorted(file.name for file in root.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not names:
        raise DataError(f"{root} holds no .csv or .parquet file", remedy="expected a file such as SAP.DE.csv")
    return names


def _plain(text: str) -> str:
    return text.upper().removeprefix("^").replace("_", ".").replace("-", ".")


def _owners(names: Sequence[str], symbols: Sequence[str]) -> dict[str, str]:
    """The file of each symbol that has one. Raises DataError for two files of one symbol."""
    owners: dict[str, str] = {}
    for symbol in symbols:
        files = [name for name in names if _plain(PurePosixPath(name).stem) == _plain(symbol)]
        if len(files) > 1:
            raise DataError(f"{symbol} has more than one file: {', '.join(files)}", remedy="keep one")
        if files:
            owners[symbol] = files[0]
    return owners


def _benchmark_file(names: Sequence[str], benchmark: str) -> str:
    if len(names) == 1:
        return names[0]
    owners = _owners(names, [benchmark])
    if benchmark not in owners:
        raise DataError(
            f"none of {len(names)} files is named after the benchmark {benchmark}",
            remedy="set prices.benchmark_path to its file",
        )
    return owners[benchmark]


def _finding(symbol: str, place: Place, day: date | None, kind: FindingKind, detail: str) -> Finding:
    return Finding(kind, symbol, day, detail, place.file, place.line, quarantined=True)
