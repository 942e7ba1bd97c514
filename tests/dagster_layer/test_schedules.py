"""What each tick asks for, and why it asks for nothing."""

import dagster as dg
import pytest
import time_machine

DAYS = {
    "a normal day": "2025-03-04",
    "the Monday after the clocks went forward": "2025-03-31",
    "the Monday after the clocks went back": "2025-10-27",
}
TICKS = {
    "collect_schedule": ("08:15", "13:45"),
    "close_schedule": ("17:35",),
    "official_schedule": ("18:05",),
}


@pytest.fixture(scope="module")
def tick(definitions, berlin):
    """Evaluates a schedule at a wall-clock time in Berlin; the machine's clock stands there too."""

    def _tick(name, moment, *, late_minutes=0):
        schedule = definitions.resolve_schedule_def(name)
        at = berlin(moment)
        with (
            time_machine.travel(at.timestamp() + 60 * late_minutes, tick=False),
            dg.build_schedule_context(
                scheduled_execution_time=at, repository_def=definitions.get_repository_def()
            ) as context,
        ):
            return schedule.evaluate_tick(context)

    return _tick


def requested(data):
    (request,) = data.run_requests
    return request.partition_key


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
@pytest.mark.parametrize("name", TICKS)
def test_a_tick_of_the_day_asks_for_exactly_its_day(tick, name, day):
    for at in TICKS[name]:
        assert requested(tick(name, f"{day} {at}")) == day


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
@pytest.mark.parametrize("at", ["08:30", "14:00"])
def test_a_research_tick_asks_for_exactly_its_session(tick, day, at):
    assert requested(tick("research_schedule", f"{day} {at}")) == f"{day}T{at}"


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
@pytest.mark.parametrize(("at", "session"), [("08:20", "08:30"), ("13:50", "14:00")])
def test_a_scouting_tick_asks_for_the_session_ahead(tick, day, at, session):
    assert requested(tick("scout_schedule", f"{day} {at}")) == f"{day}T{session}"


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
@pytest.mark.parametrize("at", ["09:15", "12:00", "17:30", "17:45"])
def test_a_mark_tick_asks_for_its_day_while_bars_end(tick, day, at):
    assert requested(tick("mark_schedule", f"{day} {at}")) == day


@pytest.mark.parametrize(
    "name",
    [
        "collect_schedule",
        "scout_schedule",
        "research_schedule",
        "mark_schedule",
        "close_schedule",
        "official_schedule",
    ],
)
@pytest.mark.parametrize("day", ["2025-04-21", "2025-12-24", "2025-12-31"])
def test_nothing_happens_on_a_holiday_and_the_reason_names_it(tick, name, day):
    data = tick(name, f"{day} 08:30")
    assert data.run_requests == []
    assert data.skip_message == f"XETR is closed on {day}"


@pytest.mark.parametrize("name", ["collect_schedule", "research_schedule", "close_schedule"])
def test_nothing_happens_before_the_start_and_the_reason_names_it(tick, name):
    data = tick(name, "2024-12-20 08:30")
    assert data.run_requests == []
    assert data.skip_message == "the arena starts on 2025-01-02"


class TestEarlyClose:
    """30 December: trading ends at 14:00."""

    def test_the_morning_is_as_always(self, tick):
        assert requested(tick("research_schedule", "2025-12-30 08:30")) == "2025-12-30T08:30"
        assert requested(tick("collect_schedule", "2025-12-30 08:15")) == "2025-12-30"

    def test_there_is_no_afternoon_session(self, tick):
        data = tick("research_schedule", "2025-12-30 14:00")
        assert data.run_requests == []
        assert data.skip_message == "XETR closes early on 2025-12-30: there is no afternoon session"

    def test_nothing_is_collected_for_a_session_that_does_not_exist(self, tick):
        data = tick("collect_schedule", "2025-12-30 13:45")
        assert data.run_requests == []
        assert data.skip_message == "XETR closes early on 2025-12-30: no session at 14:00 to collect for"

    def test_nothing_is_scouted_for_the_afternoon(self, tick):
        assert requested(tick("scout_schedule", "2025-12-30 08:20")) == "2025-12-30T08:30"
        assert tick("scout_schedule", "2025-12-30 13:50").run_requests == []

    def test_marks_stop_a_quarter_after_the_close(self, tick):
        assert requested(tick("mark_schedule", "2025-12-30 14:15")) == "2025-12-30"
        data = tick("mark_schedule", "2025-12-30 14:30")
        assert data.run_requests == []
        assert "XETR is not open" in data.skip_message

    def test_the_books_are_closed_in_the_evening(self, tick):
        assert requested(tick("close_schedule", "2025-12-30 17:35")) == "2025-12-30"


@pytest.mark.parametrize("at", ["09:00", "18:00"])
def test_no_mark_is_made_when_no_bar_has_ended(tick, at):
    assert "XETR is not open" in tick("mark_schedule", f"2025-03-04 {at}").skip_message


def test_a_mark_that_comes_late_is_left_to_the_next_one(tick):
    assert "is late" in tick("mark_schedule", "2025-03-04 11:00", late_minutes=16).skip_message
    assert requested(tick("mark_schedule", "2025-03-04 11:00", late_minutes=14)) == "2025-03-04"


@pytest.mark.parametrize("name", ["research_schedule", "close_schedule"])
def test_a_tick_that_comes_hours_late_still_asks_for_its_own_time(tick, name):
    at = {"research_schedule": "2025-03-04 08:30", "close_schedule": "2025-03-04 17:35"}[name]
    assert requested(tick(name, at, late_minutes=600)).startswith("2025-03-04")


def test_run_keys_are_unique_and_the_same_for_the_same_tick(tick):
    ticks = [
        *((name, f"{day} {at}") for day in DAYS.values() for name, times in TICKS.items() for at in times),
        *(("research_schedule", f"{day} {at}") for day in DAYS.values() for at in ("08:30", "14:00")),
        *(("mark_schedule", f"2025-03-04 {hour}:{minute}") for hour in (10, 11) for minute in ("00", "15")),
    ]
    keys = [tick(*entry).run_requests[0].run_key for entry in ticks]
    assert len(set(keys)) == len(keys)
    assert [tick(*entry).run_requests[0].run_key for entry in ticks] == keys


def test_the_crons_are_in_berlin_time_and_cover_the_sessions(definitions, calendar, berlin):
    schedule = definitions.resolve_schedule_def("research_schedule")
    assert schedule.execution_timezone == "Europe/Berlin"
    assert list(schedule.cron_schedule) == ["30 8 * * 1-5", "0 14 * * 1-5"]


class TestSensors:
    """A shared run that has succeeded starts one run per model."""

    @pytest.fixture
    def fired(self, definitions):
        """The run requests of a sensor after a run of a job with these tags."""

        def _fired(sensor_name, job_name, tags):
            with dg.DagsterInstance.ephemeral() as instance:
                repository = definitions.get_repository_def()
                run = instance.create_run_for_job(repository.get_job(job_name), tags=tags)
                instance.report_engine_event("started", run)
                for report in ("report_run_started", "report_run_success"):
                    getattr(_Reporter(instance, run), report)()
                event = instance.get_records_for_run(run.run_id).records[-1].event_log_entry.dagster_event
                context = dg.build_run_status_sensor_context(
                    sensor_name=sensor_name,
                    dagster_event=event,
                    dagster_instance=instance,
                    dagster_run=instance.get_run_by_id(run.run_id),
                    partition_key=tags.get("dagster/partition"),
                )
                sensor = repository.get_sensor_def(sensor_name)
                return run.run_id, list(sensor(context) or [])

        return _fired

    def test_researched_sessions_are_decided_by_each_model_in_a_run_of_its_own(self, fired):
        run_id, requests = fired(
            "decide_when_researched", "research", {"dagster/partition": "2025-03-04T08:30"}
        )
        assert [str(request.partition_key) for request in requests] == [
            "benchmark-hold|2025-03-04T08:30",
            "dice|2025-03-04T08:30",
        ]
        assert [request.run_key for request in requests] == [
            f"decide:{run_id}:benchmark-hold",
            f"decide:{run_id}:dice",
        ]
        assert [request.tags["model"] for request in requests] == ["benchmark-hold", "dice"]

    @pytest.mark.parametrize("job", ["mark", "close", "official"])
    def test_collected_days_are_settled_for_each_model(self, fired, job):
        _, requests = fired("settle_when_collected", job, {"dagster/partition": "2025-03-04"})
        assert [str(request.partition_key) for request in requests] == [
            "benchmark-hold|2025-03-04",
            "dice|2025-03-04",
        ]

    def test_a_settled_model_has_its_day_ranked(self, fired):
        tags = {
            "dagster/partition": "dice|2025-03-04",
            "dagster/partition/model": "dice",
            "dagster/partition/trading_day": "2025-03-04",
        }
        run_id, (request,) = fired("rank_when_settled", "settle", tags)
        assert (request.partition_key, request.run_key) == ("2025-03-04", f"rank:{run_id}")

    def test_a_run_over_a_range_starts_none(self, fired):
        _, requests = fired("decide_when_researched", "research", {})
        assert requests == []


class _Reporter:
    def __init__(self, instance, run):
        self.instance, self.run = instance, run

    def _report(self, kind):
        self.instance.report_dagster_event(
            dg.DagsterEvent(event_type_value=kind.value, job_name=self.run.job_name), self.run.run_id
        )

    def report_run_started(self):
        self._report(dg.DagsterEventType.RUN_START)

    def report_run_success(self):
        self._report(dg.DagsterEventType.RUN_SUCCESS)
