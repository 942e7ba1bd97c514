"""The overview in Chromium, beside a bare page of the same HTML, and with many readers who have it open.

    python -m benchmarks.pages [--rounds 7] [--readers 100] [--seconds 20]

Two years of twelve models. The bare page is the overview's own HTML and style sheets without scripts, from a
server that does nothing else: its time is that of its first contentful paint. The overview's is until the
chart is drawn. Rounds alternate, each in a fresh profile. A reader is what a page is: it listens, and asks
for the parts of the page when something is new, at most once a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import httpx
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import func, select
from websockets.asyncio.client import connect

from arena_pipeline.warehouse.outbox import announce, outbox
from arena_pipeline.warehouse.store import ArenaStore
from benchmarks.api import free_port, resident, running
from benchmarks.served_world import settings_in, store_in, write_home

MOST_BYTES, MOST_TIMES, MOST_MEGABYTES = 200 * 1024, 2.0, 40
"""What is to hold: bytes of a first load, the chart's time over the bare page's, memory of 100 readers."""

BARE = """
import sys, uvicorn
from pathlib import Path
from fastapi import FastAPI, Response
app = FastAPI()
folder = Path(sys.argv[2])
@app.get("/")
async def page() -> Response:
    return Response((folder / "bare.html").read_bytes(), media_type="text/html")
@app.get("/static/{name:path}")
async def sheet(name: str) -> Response:
    return Response((folder / name.replace("/", "-")).read_bytes(), media_type="text/css")
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""
CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DRAWN = "() => performance.getEntriesByName('arena:chart').length > 0"
DRAWN_AT = "() => performance.getEntriesByName('arena:chart')[0].startTime"
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
PAINTED_AT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


@dataclass(frozen=True)
class First:
    """A first load: `ready` in milliseconds since the navigation began."""

    bytes: float
    requests: int
    ready: float


def first_load(browser: Browser, address: str, wait: str, ready: str) -> First:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[float] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(address)
    page.wait_for_function(wait)
    page.wait_for_timeout(300)
    found = First(sum(sizes), len(sizes), page.evaluate(ready))
    context.close()
    return found


def loads(port: int, folder: Path, rounds: int) -> None:
    address = f"http://127.0.0.1:{port}/"
    html = urlopen(address).read().decode()
    for sheet in re.findall(r'href="/static/([^"]+\.css)', html):
        content = urlopen(f"{address}static/{sheet}").read()
        (folder / sheet.replace("/", "-")).write_bytes(content)
    active = r"<script.*?</script>|<link rel=\"(?:preload|modulepreload|icon)[^>]*>|<noscript>.*?</noscript>"
    (folder / "bare.html").write_text(re.sub(active, "", html, flags=re.DOTALL), encoding="utf-8")
    bare_port = free_port()
    with (
        running("-c", BARE, str(bare_port), str(folder), port=bare_port),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        bare, own = [], []
        for number in range(rounds + 1):
            pair = (
                first_load(browser, f"http://127.0.0.1:{bare_port}/", PAINTED, PAINTED_AT),
                first_load(browser, address, DRAWN, DRAWN_AT),
            )
            if number:  # the first warms the servers and the browser up
                bare.append(pair[0])
                own.append(pair[1])
        browser.close()
    base, ready = (statistics.median(each.ready for each in found) for found in (bare, own))
    size = max(each.bytes for each in own)
    print(
        f"overview, first load: {size / 1024:.0f} KB in {own[0].requests} requests "
        f"(at most {MOST_BYTES >> 10}); "
        f"chart drawn after {ready:.0f} ms, the bare page painted after {base:.0f} ms: "
        f"{ready / base:.2f} times (at most {MOST_TIMES:g})",
        flush=True,
    )


async def reader(port: int, last: int, newest: list[int], heard: list[int], sizes: list[int]) -> None:
    """One open page, until it has seen the number in `newest`."""
    async with (
        connect(f"ws://127.0.0.1:{port}/ws/live?after={last}", compression=None, open_timeout=60) as socket,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        asked, shown = 0.0, last
        while not newest or shown < newest[0]:
            try:
                message = json.loads(await asyncio.wait_for(socket.recv(), 0.5))
                if message.get("number") and "data" in message:
                    heard.append(message["number"])
                    last = message["number"]
            except TimeoutError:
                pass
            if last > shown and time.monotonic() - asked >= 1:
                answer = await client.get("/dash/overview.html", params={"n": last})
                sizes.append(len(answer.content))
                asked, shown = time.monotonic(), last


async def readers(store: ArenaStore, port: int, count: int, seconds: float) -> tuple[int, int, int]:
    """Messages committed, fewest that any reader heard once and in order, and parts asked for."""
    with store.ledger.read() as connection:
        first = connection.scalar(select(func.max(outbox.c.number))) or 0
    newest: list[int] = []
    heard: list[list[int]] = [[] for _ in range(count)]
    sizes: list[int] = []
    tasks = [asyncio.create_task(reader(port, first, newest, each, sizes)) for each in heard]
    await asyncio.sleep(3)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with store.ledger.transaction() as connection:
            announce(connection, "trade", {"filler": "x" * 300}, at="benchmark")
        await asyncio.sleep(0.2)
    with store.ledger.read() as connection:
        newest.append(connection.scalar(select(func.max(outbox.c.number))) or 0)
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    wanted = list(range(first + 1, newest[0] + 1))
    return len(wanted), sum(each == wanted for each in heard), len(sizes)


def run(*, rounds: int = 7, count: int = 100, seconds: float = 20) -> None:
    if not Path(CHROMIUM).exists():
        print(f"There is no Chromium at {CHROMIUM}: not measured. Name another one in CHROMIUM.")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = settings_in(folder)
        write_home(settings)
        port, store = free_port(), store_in(settings)
        environment = {"ARENA_CONFIG": str(settings.file), "ARENA_HOME": str(settings.home)}
        serve = ("-m", "arena_pipeline.cli", "serve", "--port", str(port))
        with running(*serve, environment=environment, port=port) as server:
            loads(port, folder, rounds)
            before = resident(server)
            told, whole, parts = asyncio.run(readers(store, port, count, seconds))
            after = resident(server)
        store.close()
    print(
        f"{count} readers with the page open, {told} messages: "
        f"{whole} of {count} were told each of them once; "
        f"{parts} parts asked for; server {before / 1000:.0f} to {after / 1000:.0f} MB, "
        f"{(after - before) / 1000:+.0f} (at most +{MOST_MEGABYTES})",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    run(rounds=given.rounds, count=given.readers, seconds=given.seconds)
