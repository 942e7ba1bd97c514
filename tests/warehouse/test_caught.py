"""What a lineage says of the mistakes in it."""

from __future__ import annotations

from typing import Any

from arena_pipeline.warehouse.caught import caught

DECISION = "decision:m:2025-03-03T14:00"
NODES: list[dict[str, Any]] = [
    {"id": DECISION, "kind": "decision", "failure": None},
    {"id": "decision:m:2025-03-03T08:30", "kind": "decision", "failure": "empty"},
    {
        "id": "order:m:2025-03-03T14:00:1",
        "kind": "order",
        "accepted": False,
        "side": "buy",
        "symbol": "SAP.DE",
        "refusal": "CASH",
        "refusal_detail": "10.00 needed, 1.00 free",
        "unknown_cites": ["SAP.DE:T99"],
        "confidence": "0.6",
        "lowered_confidence": "0.4",
    },
    {"id": "llm:a", "kind": "llm_exchange", "purpose": "decision", "model_asked": "x/y", "refused": "empty"},
    {"id": "llm:b", "kind": "llm_exchange", "purpose": "decision", "model_asked": "x/y"},
    {"id": "briefing:s:SAP.DE", "kind": "briefing", "ok": False, "problems": ["point 1 cites nothing"]},
    {"id": "extraction:e", "kind": "extraction", "failure": "malformed: no"},
    {"id": "article:1", "kind": "article"},
]
EDGES = [
    {"child": DECISION, "parent": "decision:m:2025-03-03T08:30", "role": "remembers"},
    {"child": DECISION, "parent": "llm:a", "role": "answered by"},
    {
        "child": "briefing:s:SAP.DE",
        "parent": "article:1",
        "role": "dropped: its number is not in the text",
    },
]


def test_each_mistake_is_listed_once_with_what_became_of_it_and_remembered_ones_are_not() -> None:
    found = caught({"nodes": NODES, "edges": EDGES})
    assert [(entry["id"], entry["what"], entry["then"]) for entry in found] == [
        ("extraction:e", "malformed: no", "the rules read the article"),
        ("article:1", "its number is not in the text (briefing:s:SAP.DE)", "no fact"),
        ("llm:a", "decision by x/y: empty", "the reply was refused"),
        ("briefing:s:SAP.DE", "point 1 cites nothing", "the synthesis was not used"),
        (
            "order:m:2025-03-03T14:00:1",
            "buy SAP.DE: CASH: 10.00 needed, 1.00 free",
            "refused by the gate",
        ),
        (
            "order:m:2025-03-03T14:00:1",
            "cites facts that it was not shown: SAP.DE:T99",
            "confidence 0.6 counted as 0.4",
        ),
    ]


def test_a_decision_that_is_walked_in_its_own_right_is_no_mere_memory() -> None:
    walked = [*EDGES, {"child": "snapshot:m", "parent": "decision:m:2025-03-03T08:30", "role": "rests on"}]
    assert caught({"nodes": NODES, "edges": walked})[-1]["then"] == "no orders"
