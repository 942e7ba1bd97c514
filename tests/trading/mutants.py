"""Would the tests of the book notice? Each fault of `faults.py` is seeded into it, and its tests are run.

    python -m tests.trading.mutants

prints which of three suites caught which fault. Nothing is written to the checkout: a forked process per
fault imports the book with one module's text changed, and runs pytest in itself. The first trial changes
nothing, and has to pass.
"""

from __future__ import annotations

import argparse
import contextlib
import enum
import gc
import importlib.abc
import importlib.machinery
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import CodeType

import _hypothesis_pytestplugin  # noqa: F401 - what every trial would import, imported once
import hypothesis  # noqa: F401
import pytest

import arena_pipeline.market.bars  # noqa: F401
from tests.trading.faults import FAULTS, NOTHING, Fault

PROJECT = Path(__file__).parents[2]
BOOK = "arena_pipeline.trading"
SUITES = {
    "golden": "tests/golden/test_accounting.py",
    "properties": "tests/trading/test_book_properties.py",
    "oracle": "tests/trading/test_against_oracle.py",
}
OPTIONS = (
    "--override-ini=addopts=",
    "--import-mode=importlib",
    "--assert=plain",
    "--tb=no",
    "-pno:cacheprovider",
    "-pno:unraisableexception",
    "-pno:schemathesis",
    "-p_hypothesis_pytestplugin",
    "--hypothesis-profile=mutants",
    f"--rootdir={PROJECT}",
)


class Until(enum.StrEnum):
    """How far a trial goes: to the first failure, or to the first of each suite."""

    CAUGHT = "caught"
    CAUGHT_BY_EACH = "caught by each"


@dataclass
class Trial:
    """What the suites said of the book with a fault: what failed first in a suite, and how many tests of it
    passed and were skipped until then."""

    fault: str
    caught_by: dict[str, str] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUITES, 0))
    skipped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUITES, 0))
    cpu_seconds: float = 0.0


class _SeededLoader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, fault: Fault) -> None:
        super().__init__(fullname, path)
        self._fault = fault

    def get_code(self, fullname: str) -> CodeType:
        text = self._fault.seed(Path(self.path).read_text(encoding="utf-8"))
        return compile(text, self.path, "exec", dont_inherit=True)


class Seeder(importlib.abc.MetaPathFinder):
    """Finds one module of the book, and loads it with a fault in it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(self, fullname, path=None, target=None):
        if fullname != f"{BOOK}.{self.fault.module}":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        spec.loader = _SeededLoader(fullname, spec.origin, self.fault)
        return spec


class _Notes:
    """A pytest plugin that writes down what fails, and skips what need not be run any more."""

    def __init__(self, trial: Trial, until: Until) -> None:
        self.trial, self.until = trial, until
        self.broken: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(f"{report.nodeid} cannot be collected: {report.longrepr}")

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        caught_by = self.trial.caught_by
        if _suite(item.nodeid) in caught_by or (caught_by and self.until is Until.CAUGHT):
            pytest.skip("the fault is caught")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        suite = _suite(report.nodeid)
        context = getattr(report, "context", None)
        if report.failed and report.when == "call":
            name = report.nodeid.rpartition("::")[2].removeprefix("test_")
            self.trial.caught_by.setdefault(suite, name if context is None else context.msg)
        elif report.failed:
            self.broken.append(f"{report.nodeid} fails at {report.when}: {report.longrepr}")
        elif report.skipped:
            self.trial.skipped[suite] += not self.trial.caught_by
        elif report.when == "call" and context is None:
            self.trial.passed[suite] += 1


def _suite(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next(suite for suite, path in SUITES.items() if path == file)


def attempt(fault: Fault, until: Until) -> Trial:
    """Run the suites in this process, which must not have imported the book yet, and never should again.
    Raises RuntimeError when a suite cannot be run."""
    if any(name.startswith(f"{BOOK}.") for name in sys.modules):
        raise RuntimeError(f"{BOOK} was imported before a fault could be seeded")
    begun = time.process_time()
    sys.meta_path.insert(0, Seeder(fault))
    trial = Trial(fault.name)
    notes = _Notes(trial, until)
    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
        status = pytest.main([*OPTIONS, *SUITES.values()], plugins=[notes])
    if notes.broken or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{trial.fault}: pytest ended with {status!r}: {notes.broken}")
    if not isinstance(sys.modules[f"{BOOK}.{fault.module}"].__loader__, _SeededLoader):
        raise RuntimeError(f"{fault.name}: {fault.module} was loaded without its fault")
    trial.cpu_seconds = round(time.process_time() - begun, 2)
    return trial


def trials(faults: Iterable[Fault], until: Until, at_once: int = 2) -> Iterator[Trial]:
    """A trial of each fault, in a forked process of its own; as they end."""
    gc.freeze()
    fork = multiprocessing.get_context("fork")
    waiting = list(faults)
    running: dict[Connection, multiprocessing.process.BaseProcess] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            answer, end = fork.Pipe(duplex=False)
            process = fork.Process(target=_send, args=(end, waiting.pop(0), until))
            process.start()
            end.close()
            running[answer] = process
        for answer in wait(list(running)):
            process = running.pop(answer)
            try:
                yield answer.recv()
            except EOFError:
                raise RuntimeError("a trial ended without an answer; what it said is above") from None
            finally:
                answer.close()
                process.join()


def _send(end: Connection, fault: Fault, until: Until) -> None:
    gc.disable()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(PROJECT)
    end.send(attempt(fault, until))


def table(found: Sequence[Trial]) -> str:
    """In Markdown: fault, rule, and what caught it in each suite."""
    by_name = {trial.fault: trial for trial in found}
    lines = [f"| fault | rule | {' | '.join(SUITES)} |", "|---|---|" + "---|" * len(SUITES)]
    for fault in FAULTS:
        if fault.name in by_name:
            caught = by_name[fault.name].caught_by
            cells = [caught.get(suite, "–").replace("_", " ") for suite in SUITES]
            lines.append(f"| {fault.name} | {fault.rule} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(found: Sequence[Trial]) -> str:
    """How many faults each suite catches, and golden cases and properties together."""
    seeded = [trial for trial in found if trial.fault != NOTHING.name]
    caught = {suite: sum(suite in trial.caught_by for trial in seeded) for suite in SUITES}
    both = sum(bool(trial.caught_by.keys() & {"golden", "properties"}) for trial in seeded)
    each = ", ".join(f"{suite} {count}" for suite, count in caught.items())
    seconds = sum(trial.cpu_seconds for trial in found)
    return f"{both} of {len(seeded)} by golden cases and properties; alone: {each}. {seconds:.0f} s CPU."


def main() -> int:
    parser = argparse.ArgumentParser(description="Seed faults into the book and see which tests notice.")
    parser.add_argument("words", nargs="*", help="only faults with one of these words in their name")
    parser.add_argument(
        "--json", action="store_true", help="one object per trial, which ends when one suite fails"
    )
    asked = parser.parse_args()
    chosen = [f for f in FAULTS if not asked.words or any(word in f.name for word in asked.words)]
    found = list(trials([NOTHING, *chosen], Until.CAUGHT if asked.json else Until.CAUGHT_BY_EACH))
    if asked.json:
        print(json.dumps([asdict(trial) for trial in found]))
        return 0
    plain = next(trial for trial in found if trial.fault == NOTHING.name)
    print(table(found), "", summary(found), sep="\n")
    print(f"{NOTHING.name}: passed {plain.passed}, skipped {plain.skipped}, failed {plain.caught_by}")
    missed = any(not t.caught_by.keys() & {"golden", "properties"} for t in found if t is not plain)
    return int(missed or bool(plain.caught_by))


if __name__ == "__main__":
    sys.exit(main())
