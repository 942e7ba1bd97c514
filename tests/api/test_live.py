"""Listeners hear everything once and in order, also after they were away; none of them holds up another."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time

import httpx
import pytest
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from arena_api.app import create_app
from arena_api.live import hub as hubs
from arena_api.reading import Reading
from arena_pipeline.settings import ApiSection
from arena_pipeline.warehouse.outbox import announce
from tests.api.conftest import ORIGIN, asked_by
from tests.api.live_server import serving
from tests.api.world import fill_store, settings_of, store_of

LIVE = "ws://127.0.0.1:8000/ws/live"
AT = "2025-09-15T18:00:00.000000+00:00"


@pytest.fixture
def store(tmp_path):
    store = store_of(tmp_path)
    fill_store(store)
    yield store
    store.close()


@pytest.fixture
def client(store, tmp_path):
    with asked_by(create_app(settings_of(tmp_path))) as client:
        yield client


def tell(store, count=1, **data):
    with store.ledger.transaction() as connection:
        for number in range(count):
            announce(connection, "run", {"n": number, **data}, at=AT)


def heard(socket, count):
    return [json.loads(socket.receive_text()) for _ in range(count)]


def test_what_is_committed_arrives(client, store):
    with client.websocket_connect(f"{LIVE}") as socket:
        hello = heard(socket, 1)[0]
        assert (hello["type"], hello["v"]) == ("hello", 1)
        tell(store, 3)
        messages = heard(socket, 3)
        first = hello["number"] + 1
        assert [message["number"] for message in messages] == [first, first + 1, first + 2]
        assert messages[0]["data"] == {"n": 0}
        assert messages[0]["simulated"] is True


def test_whoever_was_away_is_told_what_followed(client, store):
    with client.websocket_connect(f"{LIVE}") as socket:
        last = heard(socket, 1)[0]["number"]
    tell(store, 1200)
    with client.websocket_connect(f"{LIVE}?after={last}") as socket:
        tell(store, 5)
        messages = heard(socket, 1206)[1:]
    assert [message["number"] for message in messages] == list(range(last + 1, last + 1206))


def test_from_the_beginning_all_types_are_told(client):
    with client.websocket_connect(f"{LIVE}?after=0") as socket:
        types = [message["type"] for message in heard(socket, 5)]
    assert types == ["hello", "trade", "snapshot", "position_mark", "board"]


def test_only_the_types_asked_for_are_told(client):
    with client.websocket_connect(f"{LIVE}?after=0&types=board") as socket:
        assert [message["type"] for message in heard(socket, 2)] == ["hello", "board"]


def test_what_is_no_longer_kept_is_said_to_be_missing(client, store):
    from arena_pipeline.warehouse.outbox import outbox

    with store.ledger.transaction() as connection:
        connection.execute(outbox.delete().where(outbox.c.number < 4))
    with client.websocket_connect(f"{LIVE}?after=1") as socket:
        messages = heard(socket, 3)
    assert messages[1] == {"v": 1, "type": "gap", "oldest": 4}
    assert messages[2]["number"] == 4


def test_a_number_of_another_ledger_begins_anew(client):
    with client.websocket_connect(f"{LIVE}?after=99999") as socket:
        assert [message["type"] for message in heard(socket, 2)] == ["hello", "reset"]


def test_from_the_beginning_before_the_first_run_nothing_is_missing(tmp_path):
    async def scenario():
        hub = hubs.Hub(Reading(settings_of(tmp_path / "nothing")), heartbeat=0.1)
        await hub.start()
        told = hub.messages(hub.join(), 0, ())
        found = [(await asyncio.wait_for(anext(told), 10)).type for _ in range(2)]
        await hub.stop()
        return found

    assert asyncio.run(scenario()) == ["hello", "heartbeat"]


@pytest.mark.parametrize("query", ["after=-1", "after=x", "types=secrets", "table=x", "after=1e3"])
def test_a_wrong_address_is_refused_before_it_is_accepted(client, query):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"{LIVE}?{query}"):
        raise AssertionError("it was accepted")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://["])
def test_another_origin_is_refused_before_it_is_accepted(client, origin):
    headers = {"Origin": origin}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(f"{LIVE}", headers=headers),
    ):
        raise AssertionError("it was accepted")
    with client.websocket_connect(f"{LIVE}", headers={"Origin": ORIGIN}) as socket:
        assert heard(socket, 1)[0]["type"] == "hello"


def test_an_address_has_so_many_seats_and_gets_them_back(store, tmp_path):
    settings = settings_of(tmp_path).model_copy(update={"api": ApiSection(sockets_per_address=2)})
    with asked_by(create_app(settings)) as client:
        for _ in range(3):
            with client.websocket_connect(f"{LIVE}") as one, client.websocket_connect(f"{LIVE}") as two:
                heard(one, 1), heard(two, 1)
                with client.websocket_connect(f"{LIVE}") as three:
                    with pytest.raises(WebSocketDisconnect) as refused:
                        three.receive_text()
                    assert refused.value.code == 1013


def test_a_talkative_client_is_sent_away(client):
    with client.websocket_connect(f"{LIVE}") as socket:
        for _ in range(100):
            socket.send_text("?")
        heard(socket, 1)
        with pytest.raises(WebSocketDisconnect) as refused:
            socket.receive_text()
        assert refused.value.code == 1008


def test_events_are_the_same_messages(store, tmp_path):
    async def scenario(address):
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(f"GET /api/events?after=2 HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        text = ""
        while "id: 4" not in text:
            text += (await asyncio.wait_for(reader.read(4096), 10)).decode()
        tell(store)
        while "id: 5" not in text:
            text += (await asyncio.wait_for(reader.read(4096), 10)).decode()
        writer.close()
        return text

    with serving(create_app(settings_of(tmp_path))) as address:
        text = asyncio.run(scenario(address))
    assert "content-type: text/event-stream" in text
    assert text.count("\nid: ") == 3
    assert "event: board\n" in text


def test_a_stream_of_events_goes_on_where_it_broke_and_says_goodbye(store, tmp_path):
    """What a browser sends by itself, `Last-Event-ID`, goes before the address it began with."""
    with contextlib.ExitStack() as stack:
        with serving(create_app(settings_of(tmp_path))) as address:
            url, headers = f"http://{address}/api/events?after=0", {"Last-Event-ID": "2"}
            answer = stack.enter_context(httpx.stream("GET", url, headers=headers, timeout=20))
            lines = answer.iter_lines()
            numbers = [line for line in itertools.islice(lines, 12) if line.startswith("id: ")]
            assert numbers == ["id: 3", "id: 4"]
            assert answer.headers["cache-control"] == "no-store"
        assert [line for line in lines if line.startswith("event: ")] == ["event: bye"]


def test_a_silent_connection_gets_signs_of_life(store, tmp_path):
    async def scenario():
        hub = hubs.Hub(Reading(settings_of(tmp_path)), heartbeat=0.1)
        await hub.start()
        listener = hub.join()
        beats = [await asyncio.wait_for(listener.queue.get(), 10) for _ in range(2)]
        await hub.stop()
        return beats

    beats = asyncio.run(scenario())
    assert [(beat.type, json.loads(beat.text)["number"]) for beat in beats] == [("heartbeat", 4)] * 2


def test_a_reader_that_never_reads_is_dropped_and_the_others_hear_all(store, tmp_path, monkeypatch):
    monkeypatch.setattr(hubs, "QUEUE", 50)
    app = create_app(settings_of(tmp_path))

    async def scenario(address):
        async with connect(f"ws://{address}/ws/live") as good:
            hello = json.loads(await good.recv())
            slow = await asyncio.open_connection(*address.split(":"), limit=1024)
            slow[1].write(
                f"GET /ws/live HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            await slow[0].readuntil(b"\r\n\r\n")
            while app.state.hub.listeners < 2:
                await asyncio.sleep(0.01)
            numbers, deadline = [], time.monotonic() + 60
            while app.state.hub.listeners == 2 and time.monotonic() < deadline:
                await asyncio.to_thread(tell, store, 20, filler="x" * 50_000)
                numbers += [json.loads(await good.recv())["number"] for _ in range(20)]
            assert app.state.hub.listeners == 1
            assert numbers == list(range(hello["number"] + 1, numbers[-1] + 1))
            slow[1].transport.abort()

    with serving(app) as address:
        asyncio.run(scenario(address))


def test_a_client_that_vanishes_is_forgotten(store, tmp_path):
    app = create_app(settings_of(tmp_path))

    async def scenario(address):
        socket = await connect(f"ws://{address}/ws/live")
        await socket.recv()
        socket.transport.abort()
        deadline = time.monotonic() + 10
        while app.state.hub.listeners and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        assert app.state.hub.listeners == 0

    with serving(app) as address:
        asyncio.run(scenario(address))


async def say_and_listen(socket, text):
    await socket.send(text)
    while True:
        await socket.recv()


def test_a_long_message_ends_the_connection(store, tmp_path):
    async def scenario(address):
        async with connect(f"ws://{address}/ws/live") as socket:
            await socket.recv()
            with pytest.raises(ConnectionClosed) as closed:
                await say_and_listen(socket, "x" * 20_000_000)
            assert closed.value.rcvd is None or closed.value.rcvd.code == 1009

    with serving(create_app(settings_of(tmp_path))) as address:
        asyncio.run(scenario(address))


def test_the_server_stops_with_open_connections(store, tmp_path):
    async def listen(address, ready):
        async with connect(f"ws://{address}/ws/live") as socket:
            await socket.recv()
            ready.set()
            types = []
            try:
                while True:
                    types.append(json.loads(await socket.recv())["type"])
            except ConnectionClosed as closed:
                return types, closed.rcvd.code

    import threading

    ready, result = threading.Event(), {}
    with serving(create_app(settings_of(tmp_path))) as address:
        thread = threading.Thread(target=lambda: result.update(end=asyncio.run(listen(address, ready))))
        thread.start()
        assert ready.wait(20)
        started = time.monotonic()
    thread.join(10)
    assert time.monotonic() - started < 8
    assert result["end"] == (["bye"], 1012)
