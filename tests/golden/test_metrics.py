"""The worked cases of the performance figures, to 1e-9."""

import json
import math
import os
from decimal import Decimal
from pathlib import Path

import pytest

from arena_pipeline.scoring import metrics
from arena_pipeline.trading.money import to_cents


@pytest.fixture(scope="module")
def cases(request):
    file = os.environ.get("ARENA_GOLDEN_CASES")
    if not file:
        file = request.getfixturevalue("recorded_data") / "golden" / "accounting_cases.json"
    every = json.loads(Path(file).read_text(encoding="utf-8")).get("metrics")
    if every is None:
        pytest.skip(f"{file} has no cases of metrics")
    return every


def figures(case):
    if "closed_trade_nets" in case:
        nets = [to_cents(Decimal(net)) for net in case["closed_trade_nets"]]
        return {
            "trades": len(nets),
            "win_rate": metrics.win_rate(nets).value,
            "profit_factor": metrics.profit_factor(nets).value,
            "expectancy": str(metrics.expectancy(nets).value),
            "avg_win": str(metrics.average_win(nets).value),
            "avg_loss": str(metrics.average_loss(nets).value),
        }
    navs = [to_cents(Decimal(value)) for value in case.get("equity", ())]
    returns = case.get("returns") or metrics.daily_returns(navs)
    volatility = metrics.volatility(returns).value
    found = {
        "mean": math.fsum(returns) / len(returns),
        "std_ddof1": None if volatility is None else volatility / math.sqrt(252),
        "sharpe_252": metrics.sharpe(returns).value,
        "sortino_252_mar0": metrics.sortino(returns).value,
    }
    if navs:
        found |= {
            "cumulative_return": metrics.total_return(navs).value,
            "max_drawdown": metrics.max_drawdown(navs).value,
            "first_day_drawdown": metrics.max_drawdown(navs[:2]).value,
            "calmar": metrics.calmar(navs).value,
        }
    return found


def test_every_case_comes_out_as_worked_by_hand(cases, subtests):
    assert len(cases) >= (1 if os.environ.get("ARENA_GOLDEN_CASES") else 6)
    for case in cases:
        with subtests.test(case["id"], note=case.get("note")):
            found = figures(case)
            for key, expected in case["expected"].items():
                if isinstance(expected, float):
                    assert found[key] == pytest.approx(expected, abs=1e-9)
                else:
                    assert found[key] == expected
