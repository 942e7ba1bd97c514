"""A file of the lake exists for readers once the catalog names it, and is swept only if nothing ever does."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arena_pipeline.warehouse.lake import ORPHAN_SECONDS, Lake

FRAME = pa.table({"id": ["a"], "score": [1.0]})
DAY = 24 * 3600.0


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake"))


def age(lake, name, seconds, now):
    os.utime(lake.path(name), (now - seconds, now - seconds))


def test_a_frame_comes_back_as_it_was_written(lake):
    assert pq.read_table(lake.path(lake.write("watchlist", FRAME))).equals(FRAME)


def test_every_write_is_a_new_file_without_leftovers(lake):
    names = {lake.write("watchlist", FRAME) for _ in range(3)}
    files = {f"{file.parent.name}/{file.name}" for file in Path(lake.url).glob("*/*")}
    assert len(names) == 3
    assert files == names


def test_a_file_that_the_catalog_does_not_name_is_not_visible(store, write):
    write("2025-03-03T08:30", SAP=1.0)
    frame = pq.read_table(store.lake.path(store.files("watchlist")[0][1]))
    store.lake.write("watchlist", frame)
    assert len(store.rows("watchlist")) == 1


def test_the_sweep_removes_old_files_without_a_name_and_nothing_else(lake):
    now = 1_800_000_000.0
    named, orphan, young = (lake.write("watchlist", FRAME) for _ in range(3))
    for name, seconds in ((named, 3 * DAY), (orphan, 3 * DAY), (young, DAY / 2)):
        age(lake, name, seconds, now)
    assert lake.sweep({named}, now=now) == 1
    assert [lake.exists(name) for name in (named, orphan, young)] == [True, False, True]


def test_the_sweep_removes_what_a_killed_writer_left_half_written(lake):
    now = 1_800_000_000.0
    name = lake.write("watchlist", FRAME)
    half = Path(lake.path(name)).with_suffix(".tmp")
    half.write_bytes(b"PAR1")
    age(lake, f"watchlist/{half.name}", ORPHAN_SECONDS + 1, now)
    assert lake.sweep({name}, now=now) == 1
    assert not half.exists()


def test_a_lake_that_was_never_written_needs_no_sweep(lake):
    assert lake.sweep(set()) == 0


def test_a_lake_in_an_object_store_reads_what_it_wrote():
    lake = Lake("memory://arena-test")
    name = lake.write("watchlist", FRAME)
    assert lake.exists(name)
    assert not lake.exists("watchlist/other.parquet")
    assert lake.path(name) == f"memory://arena-test/{name}"
