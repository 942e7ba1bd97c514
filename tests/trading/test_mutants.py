"""Faults seeded into the book are noticed by the worked cases and the properties, without the oracle."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.trading.faults import BEYOND, FAULTS, NOTHING, UNSEEDED, Fault, unseeded


@pytest.fixture(scope="module")
def golden(request):
    """Where the worked cases are, for a test that has no use without them."""
    file = os.environ.get("ARENA_GOLDEN_CASES")
    return Path(file or request.getfixturevalue("recorded_data") / "golden" / "accounting_cases.json")


@pytest.fixture(scope="module")
def trials(golden):
    if not hasattr(os, "fork"):
        pytest.skip("faults are seeded in forked processes")
    done = subprocess.run(
        [sys.executable, "-m", "tests.trading.mutants", "--json"],
        cwd=PROJECT,
        env={**os.environ, "ARENA_GOLDEN_CASES": str(golden)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=600,
        check=True,
    )
    return {trial["fault"]: trial for trial in json.loads(done.stdout)}


@pytest.mark.slow
def test_the_book_without_a_fault_passes_every_suite(trials):
    plain = trials[NOTHING.name]
    assert not plain["caught_by"]
    assert not any(plain["skipped"].values())
    assert plain["passed"]["golden"] == 2
    assert plain["passed"]["properties"] >= 15
    assert plain["passed"]["oracle"] >= 1


@pytest.mark.slow
def test_worked_cases_and_properties_together_catch_every_fault(trials):
    assert trials.keys() == {NOTHING.name, *(fault.name for fault in FAULTS)}
    missed = [
        name
        for name, trial in trials.items()
        if name != NOTHING.name and not trial["caught_by"].keys() & {"golden", "properties"}
    ]
    assert missed == []


def test_24_faults_break_every_rule_of_the_conventions(golden):
    rules = json.loads(golden.read_text(encoding="utf-8")).get("conventions")
    if rules is None:
        pytest.skip(f"{golden} has no conventions")
    assert unseeded(rules) == set()
    assert {fault.rule for fault in FAULTS} <= rules.keys() - UNSEEDED | BEYOND
    assert len([fault for fault in FAULTS if fault.rule in rules]) == 24


def test_each_fault_is_a_change_of_the_source_as_it_is():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        file = PROJECT / "arena_pipeline" / "trading" / f"{fault.module}.py"
        text = file.read_text(encoding="utf-8")
        assert compile(fault.seed(text), fault.module, "exec")
        assert fault.seed(text) != text


def test_a_fault_whose_source_is_gone_or_not_alone_cannot_be_seeded():
    fault = Fault("a test", "cash", "account", "spent > cash", "spent >= cash")
    assert fault.seed("if spent > cash:") == "if spent >= cash:"
    for text in ("if spent >= cash:", "spent > cash or spent > cash"):
        with pytest.raises(ValueError, match=r"'a test' occurs \d times in account.py, not once"):
            fault.seed(text)
