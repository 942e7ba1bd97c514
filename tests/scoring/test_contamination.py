from datetime import date

import pytest

from arena_pipeline.scoring.contamination import Contamination, flag

CUTOFF = date(2025, 6, 30)


@pytest.mark.parametrize(
    ("day", "cutoff", "expected"),
    [
        (date(2025, 6, 29), CUTOFF, Contamination.CONTAMINATED),
        (date(2025, 6, 30), CUTOFF, Contamination.CONTAMINATED),
        (date(2025, 7, 1), CUTOFF, Contamination.CLEAN),
        (date(2025, 7, 1), None, Contamination.UNKNOWN),
    ],
)
def test_a_backfilled_day_counts_from_the_day_after_the_cutoff(day, cutoff, expected):
    assert flag(day, cutoff, needs_knowledge=True) is expected


@pytest.mark.parametrize("cutoff", [CUTOFF, None])
def test_what_cannot_have_been_known_is_clean(cutoff):
    assert flag(date(2025, 1, 2), cutoff, needs_knowledge=False) is Contamination.CLEAN
