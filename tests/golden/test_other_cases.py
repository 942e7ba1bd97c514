"""The worked cases can come from another file, and a wrong expectation in it is noticed."""

import copy
import json
import os
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

RIGHT = {
    "cases": [
        {
            "id": "X1",
            "title": "three shares at the opening, marked at the close",
            "initial_cash": "100.00",
            "bars": {"X": [["2025-01-02", "20.00", "22.00", "19.00", "21.00"]]},
            "orders": [{"id": "o1", "submit": "2025-01-02T08:40", "symbol": "X", "side": "buy", "qty": 3}],
            "expected": {
                "fills": [["o1", "2025-01-02", "20", 3, "60.00"]],
                "cash": {"2025-01-02": "35.00"},
                "equity": {"2025-01-02": "98.00"},
                "positions": {"X": {"qty": 3, "cost_basis": "60.00"}},
                "fees": "5.00",
                "unrealised": "3.00",
            },
        }
    ],
    "metrics": [
        {
            "id": "Y1",
            "equity": ["100.00", "80.00", "120.00"],
            "expected": {"cumulative_return": 0.2, "mean": 0.15, "max_drawdown": -0.2},
        }
    ],
}


@pytest.fixture
def run(tmp_path):
    """The status and the words of the worked cases' tests over other cases."""

    def tried(cases):
        file = tmp_path / "other.json"
        file.write_text(json.dumps(cases), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-pno:cacheprovider", "-rA", "--tb=line",
             "tests/golden/test_accounting.py", "tests/golden/test_metrics.py"],
            cwd=PROJECT,
            env={**os.environ, "ARENA_GOLDEN_CASES": str(file)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return tried


def test_right_expectations_in_another_file_pass(run):
    status, said = run(RIGHT)
    assert status == 0, said
    assert "3 passed, 2 subtests passed" in said


@pytest.mark.parametrize(
    ("section", "case", "key", "wrong"),
    [
        ("cases", "X1", "cash", {"2025-01-02": "35.01"}),
        ("metrics", "Y1", "max_drawdown", -0.20000001),
    ],
)
def test_a_wrong_expectation_in_another_file_fails(run, section, case, key, wrong):
    cases = copy.deepcopy(RIGHT)
    cases[section][0]["expected"][key] = wrong
    status, said = run(cases)
    assert status == pytest.ExitCode.TESTS_FAILED, said
    assert any("FAILED" in line and f"[{case}]" in line for line in said.splitlines()), said


def test_a_file_without_cases_of_one_kind_skips_that_kind(run):
    status, said = run({"cases": RIGHT["cases"]})
    assert status == 0, said
    assert "has no cases of metrics" in said
