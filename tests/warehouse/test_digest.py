"""The digest of rows depends on the rows alone."""

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_pipeline.warehouse.digest import canonical, rows_digest

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.dates(),
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
)
rows = st.lists(st.dictionaries(st.sampled_from(["id", "a", "b", "c"]), values), max_size=8)


@given(rows=rows, data=st.data())
def test_the_order_of_rows_and_columns_does_not_matter(rows, data):
    shuffled = data.draw(st.permutations(rows))
    turned = [dict(reversed(list(row.items()))) for row in shuffled]
    assert rows_digest(turned) == rows_digest(rows)


@given(rows=rows, extra=st.dictionaries(st.sampled_from(["id", "a"]), values))
def test_one_row_more_is_another_digest(rows, extra):
    assert rows_digest([*rows, extra]) != rows_digest(rows)


@given(rows=rows.filter(bool), data=st.data())
def test_one_changed_value_is_another_digest(rows, data):
    changed = [dict(row) for row in rows]
    changed[data.draw(st.integers(0, len(rows) - 1))]["changed"] = "yes"
    assert rows_digest(changed) != rows_digest(rows)


def test_values_have_one_form_each():
    row = {
        "day": date(2025, 3, 3),
        "at": datetime(2025, 3, 3, 9, tzinfo=UTC),
        "price": Decimal("10.5000"),
        "big": Decimal("1E+2"),
    }
    assert canonical(row) == (
        '{"at":"2025-03-03T09:00:00+00:00","big":"100","day":"2025-03-03","price":"10.5000"}'
    )


def test_the_digest_is_the_same_on_every_machine():
    rows = [{"id": "b", "x": 0.1}, {"id": "a", "x": None}]
    lines = b'{"id":"a","x":null}\n{"id":"b","x":0.1}\n'
    assert rows_digest(rows) == hashlib.sha256(lines).hexdigest()


@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=["nan", "infinity"])
def test_what_is_no_number_has_no_digest(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        rows_digest([{"x": value}])


def test_what_has_no_canonical_form_is_refused_by_its_type():
    with pytest.raises(TypeError, match="object has no canonical form"):
        rows_digest([{"x": object()}])
