"""The archive gives back the bytes it was given, or says which entry it cannot vouch for."""

import contextlib

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena_pipeline.errors import ArchiveCorrupt, ArchiveMissing
from arena_pipeline.warehouse.archive import Archive

REPLY = b"a reply with some text in it, paid for once"


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "archive")


@given(content=st.binary(max_size=2000))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_put_in_comes_out_byte_for_byte(archive, content):
    assert archive.get(archive.put(content)) == content


def test_the_same_content_is_stored_once(archive):
    first, again = archive.put(b"quote"), archive.put(b"quote")
    assert first == again
    assert list(archive.entries()) == [first]


def test_a_missing_entry_is_named(archive):
    with pytest.raises(ArchiveMissing, match="f" * 64):
        archive.get("f" * 64)


@pytest.mark.parametrize("position", [0, 4, -1], ids=["in the header", "after it", "at the end"])
def test_a_flipped_byte_is_noticed_and_its_entry_named(archive, position):
    entry = archive.put(b"the closing price of SAP was 250.10" * 20)
    content = bytearray(archive.path(entry).read_bytes())
    content[position] ^= 0xFF
    archive.path(entry).write_bytes(bytes(content))
    with pytest.raises(ArchiveCorrupt, match=entry):
        archive.get(entry)


def test_no_flipped_bit_gives_other_bytes(archive):
    """A few bits of a file mean nothing to its content; any other one is an error."""
    entry = archive.put(REPLY)
    whole = archive.path(entry).read_bytes()
    given = set()
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 0x01
        archive.path(entry).write_bytes(bytes(changed))
        with contextlib.suppress(ArchiveCorrupt):
            given.add(archive.get(entry))
    assert given <= {REPLY}


def test_other_content_in_a_valid_file_is_noticed(archive):
    entry = archive.put(b"what was said")
    archive.path(entry).write_bytes(zstandard.ZstdCompressor().compress(b"what was not said"))
    with pytest.raises(ArchiveCorrupt, match="another hash"):
        archive.get(entry)


def test_a_truncated_file_is_noticed(archive):
    entry = archive.put(b"x" * 5000)
    archive.path(entry).write_bytes(archive.path(entry).read_bytes()[:-3])
    with pytest.raises(ArchiveCorrupt, match=entry):
        archive.get(entry)


def test_a_file_that_was_never_finished_is_no_entry(archive):
    entry = archive.put(b"whole")
    archive.path(entry).with_suffix(".tmp").write_bytes(b"half")
    assert list(archive.entries()) == [entry]
