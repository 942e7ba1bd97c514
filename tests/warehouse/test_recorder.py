"""What was read from outside is entered once per change and can be read again without the network."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from arena_pipeline.errors import ArchiveCorrupt, ArchiveMissing
from arena_pipeline.sources.recorder import Recorded
from arena_pipeline.warehouse.recorder import Collection, ModelRecorder, RecordedCollection
from arena_pipeline.warehouse.tables import collections, exchanges

NOW = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
REPLY = json.dumps({"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}).encode()
PAID = Recorded(200, REPLY, NOW, {"content-type": "application/json"})
LIMITED = Recorded(429, b'{"error": {"message": "slow down"}}', NOW, {"retry-after": "3"})
BROKEN = Recorded(0, b"", NOW, failure="connection refused")


def answer(body, hours=0, **options):
    return Recorded(200, body, NOW + timedelta(hours=hours), **options)


def collect(store, body, hours=0, days=("2025-03-03",), request="SAP.DE.csv"):
    collection = Collection(store, "daily_bars", days, NOW + timedelta(hours=hours))
    collection.record("files", request, answer(body, hours))
    with store.ledger.transaction() as connection:
        collection.enter(connection, "run")


def entered(store):
    with store.ledger.read() as connection:
        return [row.id for row in connection.execute(select(collections.c.id).order_by(collections.c.id))]


def recorded(store):
    return RecordedCollection(store, entered(store)[-1], NOW)


class TestCollections:
    def test_a_collection_is_entered_once_per_change(self, store):
        for hours, body in enumerate((b"a", b"a", b"b", b"a")):
            collect(store, body, hours)
        assert len(entered(store)) == 3

    def test_the_same_answer_for_other_days_is_a_collection_of_its_own(self, store):
        collect(store, b"a")
        collect(store, b"a", days=("2025-03-04",))
        assert len(entered(store)) == 2

    def test_a_collection_that_asked_nothing_is_not_entered(self, store):
        with store.ledger.transaction() as connection:
            Collection(store, "daily_bars", ["2025-03-03"], NOW).enter(connection, "run")
        assert entered(store) == []

    def test_what_was_asked_once_in_a_collection_is_not_asked_again(self, store):
        collection = Collection(store, "daily_bars", ["2025-03-03"], NOW)
        assert collection.recall("files", "a") is None
        collection.record("files", "a", answer(b"x"))
        assert collection.recall("files", "a") == answer(b"x")

    def test_a_collection_is_answered_from_the_archive_as_it_was(self, store):
        collection = Collection(store, "articles", ["2025-03-03"], NOW)
        given = answer(b"<rss/>", headers={"etag": '"1"'})
        collection.record("feed", "wire", given)
        collection.record("feed", "dead", BROKEN)
        with store.ledger.transaction() as connection:
            collection.enter(connection, "run")
        assert recorded(store).recall("feed", "wire") == given
        assert recorded(store).recall("feed", "dead") == BROKEN

    def test_two_collections_of_the_same_request_keep_their_own_answers(self, store):
        collect(store, b"before")
        collect(store, b"after", 1)
        first, second = (RecordedCollection(store, number, NOW) for number in entered(store))
        assert first.recall("files", "SAP.DE.csv").body == b"before"
        assert second.recall("files", "SAP.DE.csv").body == b"after"

    def test_what_was_not_recorded_is_missing_and_named(self, store):
        collect(store, b"a")
        with pytest.raises(ArchiveMissing, match=r"files to SIE\.DE\.csv"):
            recorded(store).recall("files", "SIE.DE.csv")

    def test_nothing_new_may_come_in_during_a_replay(self, store):
        collect(store, b"a")
        with pytest.raises(ArchiveMissing, match="during a replay"):
            recorded(store).record("files", "SIE.DE.csv", answer(b"b"))

    def test_an_answer_that_was_tampered_with_is_refused(self, store):
        collect(store, b"a")
        store.archive.path(answer(b"a").sha256).write_bytes(b"tampered")
        with pytest.raises(ArchiveCorrupt, match=answer(b"a").sha256):
            recorded(store).recall("files", "SAP.DE.csv")


class TestModels:
    def test_nothing_is_recalled_live_of_what_was_never_asked(self, store):
        assert ModelRecorder(store).recall("llm", "llm:1") is None

    def test_a_paid_answer_is_recalled_and_never_paid_for_twice(self, store):
        ModelRecorder(store).record("llm", "llm:1", PAID, sent=b"question")
        assert ModelRecorder(store).recall("llm", "llm:1") == PAID

    def test_request_and_reply_are_both_in_the_archive(self, store):
        ModelRecorder(store).record("llm", "llm:1", PAID, sent=b"question")
        with store.ledger.read() as connection:
            row = connection.execute(select(exchanges)).one()
        assert store.archive.get(row.sent_sha256) == b"question"
        assert store.archive.get(row.reply_sha256) == REPLY

    @pytest.mark.parametrize("failed", [LIMITED, BROKEN], ids=["rate limited", "no connection"])
    def test_a_failure_is_not_recalled_live_but_is_in_a_replay(self, store, failed):
        ModelRecorder(store).record("llm", "llm:1", failed, sent=b"question")
        assert ModelRecorder(store).recall("llm", "llm:1") is None
        assert ModelRecorder(store, offline=True).recall("llm", "llm:1") == failed

    def test_an_answer_that_comes_after_a_failure_is_the_one_replayed(self, store):
        ModelRecorder(store).record("llm", "llm:1", LIMITED, sent=b"question")
        ModelRecorder(store).record("llm", "llm:1", PAID, sent=b"question")
        assert ModelRecorder(store, offline=True).recall("llm", "llm:1") == PAID
        with store.ledger.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM exchanges")).scalar() == 1

    def test_a_request_without_a_reply_is_missing_offline(self, store):
        with pytest.raises(ArchiveMissing, match="llm:never"):
            ModelRecorder(store, offline=True).recall("llm", "llm:never")

    def test_no_model_is_asked_offline(self, store):
        with pytest.raises(ArchiveMissing, match="during a replay"):
            ModelRecorder(store, offline=True).record("llm", "llm:1", PAID, sent=b"question")


class TestFreshAnswers:
    """An answer of the last minutes stands in for asking again, and is entered with the new collection."""

    def enter(self, store, at, body=b"chart", status=200, vendor="yahoo"):
        collection = Collection(store, "daily_bars", ["2025-03-03"], at)
        collection.record(vendor, "/chart", Recorded(status, body, at))
        with store.ledger.transaction() as connection:
            collection.enter(connection, "run")

    def recalled(self, store, at, vendor="yahoo"):
        collection = Collection(
            store, "intraday_bars", ["2025-03-03"], at, fresh_for={"yahoo": timedelta(minutes=5)}
        )
        return collection, collection.recall(vendor, "/chart")

    def test_an_answer_of_four_minutes_ago_is_used_and_found_by_the_replay(self, store):
        self.enter(store, NOW)
        collection, again = self.recalled(store, NOW + timedelta(minutes=4))
        assert (again.body, again.fetched_at) == (b"chart", NOW)
        with store.ledger.transaction() as connection:
            collection.enter(connection, "run")
        assert recorded(store).recall("yahoo", "/chart") == again

    @pytest.mark.parametrize(
        ("minutes", "entered_after"),
        [(6, 0), (3, 13), (-1, 5)],
        ids=["too old", "of the quarter hour before", "later"],
    )
    def test_another_answer_is_not_used(self, store, minutes, entered_after):
        at = NOW + timedelta(minutes=entered_after)
        self.enter(store, at)
        assert self.recalled(store, at + timedelta(minutes=minutes))[1] is None

    def test_a_refusal_is_asked_for_again_and_so_is_another_vendor(self, store):
        self.enter(store, NOW, status=429)
        assert self.recalled(store, NOW + timedelta(minutes=1))[1] is None
        self.enter(store, NOW, vendor="feed-wire")
        assert self.recalled(store, NOW + timedelta(minutes=1), "feed-wire")[1] is None

    def test_without_leave_no_answer_is_used_again(self, store):
        self.enter(store, NOW)
        later = Collection(store, "daily_bars", ["2025-03-03"], NOW + timedelta(minutes=1))
        assert later.recall("yahoo", "/chart") is None
