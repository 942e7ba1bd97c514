"""Replies as text: one JSON object, strictly typed, or refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from arena_pipeline.llm.schemas import DecisionReply
from arena_pipeline.llm.strict import single_object
from arena_pipeline.trading.orders import Side

ORDER = {
    "symbol": "SAP.DE",
    "side": "buy",
    "quantity": 3,
    "confidence": 0.6,
    "reason": "",
    "cites": ["SAP.DE:T1"],
}
REPLY: dict[str, Any] = {"orders": [ORDER], "confidence": 0.5, "reasoning": "", "horizon_days": 5}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.booleans())
def test_any_json_object_is_read_bare_or_fenced(value: dict[str, Any], fenced: bool) -> None:
    text = json.dumps(value)
    assert single_object(f"```json\n{text}\n```" if fenced else f" {text}\n") == value


@given(st.text(max_size=60))
def test_other_text_is_refused_and_never_crashes(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(single_object(text), dict)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}', '{"b": [{"a": 1, "a": 2}]}', '{"a": NaN}', '{"a": -Infinity}', "[]", "7", "",
        "{}{}", '{"a": 1} then', "[" * 100_000, "{" + " " * 300_000 + "}", '{"a": ' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_ambiguous_or_oversized_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        single_object(text)


def test_a_decision_keeps_what_it_was_given() -> None:
    decision = DecisionReply.model_validate_json(json.dumps(REPLY))
    assert decision.orders[0].side is Side.BUY
    assert decision.orders[0].quantity == 3


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 0}, {"quantity": -1}, {"quantity": 0.5}, {"quantity": 3.0}, {"quantity": True},
        {"quantity": "3"}, {"quantity": 1_000_001}, {"quantity": 10**30}, {"confidence": 1.01},
        {"confidence": -0.1}, {"confidence": True}, {"confidence": "0.5"}, {"side": "BUY"}, {"side": "hold"},
        {"side": "b\u200buy"}, {"symbol": "sap.de"}, {"symbol": "../../etc"}, {"symbol": ""}, {"price": 1},
        {"reason": "x" * 501}, {"reason": "\x1b[31m"}, {"cites": "T1"}, {"cites": ["x" * 81]},
        {"cites": [""]},
    ],
)  # fmt: skip
def test_an_order_out_of_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DecisionReply.model_validate_json(json.dumps({**REPLY, "orders": [{**ORDER, **change}]}))


@pytest.mark.parametrize(
    "change",
    [
        {"orders": [ORDER] * 21}, {"orders": None}, {"horizon_days": 0}, {"horizon_days": 61},
        {"reasoning": "x" * 4001}, {"reasoning": None}, {"confidence": None}, {"model": "x"},
    ],
)  # fmt: skip
def test_a_decision_out_of_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DecisionReply.model_validate_json(json.dumps({**REPLY, **change}))


@pytest.mark.parametrize("missing", list(REPLY))
def test_nothing_is_filled_in(missing: str) -> None:
    with pytest.raises(ValidationError):
        DecisionReply.model_validate_json(json.dumps({key: REPLY[key] for key in REPLY if key != missing}))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_no_confidence_is_infinite_or_nan(number: str) -> None:
    text = json.dumps({**REPLY, "confidence": "?"}).replace('"?"', number)
    with pytest.raises(ValidationError):
        DecisionReply.model_validate_json(text)
