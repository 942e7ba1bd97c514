"""The text of a web page, read by trafilatura (https://trafilatura.readthedocs.io) in a process of its own.

A hostile page can keep an HTML parser busy for minutes or make it crash; a thread cannot be stopped, a
process can. It gets the page and nothing else: no environment, no secrets, little memory and time, no file
to write. This file is also the program that it runs, so it imports nothing of the arena.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

CPU_SECONDS = 5
"""For one page. CPU time, because a replay on a busy machine must read what the first reading read."""

WALL_SECONDS = 60.0
"""For one page, whatever it waits for."""

MEMORY_BYTES = 1_500_000_000
MAX_HTML = 1_000_000
"""Characters of a page that are read; an article's text comes early."""

MAX_OUTPUT = 200_000
_STYLES = ("font-size:0;", "font-size:0px;", "opacity:0;", "left:-99", "top:-99", "text-indent:-99")
HIDDEN = [
    "//*[@hidden]",
    "//template",
    *(f"//*[contains(concat(translate(@style, ' \t', ''), ';'), '{style}')]" for style in _STYLES),
]
"""What a reader does not see and trafilatura would keep; it drops `display: none` and its like by itself."""

_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


class NotExtracted(Exception):
    """The page took too long, or its parser gave up. The message says which."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What trafilatura found, as it found it: untrusted, of any content. `date` is YYYY-MM-DD or nothing."""

    title: str
    author: str
    date: str
    text: str


def extract(html: str, *, cpu_seconds: int = CPU_SECONDS) -> Extracted:
    """The parts of a page; empty where there are none. Raises NotExtracted."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - this file, run by this interpreter
            [sys.executable, "-P", __file__, str(cpu_seconds)],
            input=html[:MAX_HTML].encode("utf-8", "replace"),
            capture_output=True,
            timeout=WALL_SECONDS,
            env=environment | {"PYTHONUTF8": "1"},
        )
    except subprocess.TimeoutExpired:
        raise NotExtracted(f"reading it took longer than {WALL_SECONDS:g} s") from None
    if -done.returncode in {signal.SIGXCPU, signal.SIGKILL}:
        raise NotExtracted(f"reading it took longer than {cpu_seconds} s of CPU time")
    if done.returncode != 0:
        raise NotExtracted("its parser gave up")
    try:
        found = json.loads(done.stdout)
        return Extracted(**{name: str(found[name]) for name in Extracted.__slots__})
    except (ValueError, KeyError, TypeError):
        raise NotExtracted("its parser answered with nonsense") from None


def _bound(cpu_seconds: int) -> None:
    """Limits that the operating system holds."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _main() -> None:
    sys.dont_write_bytecode = True
    import trafilatura

    _bound(int(sys.argv[1]))
    html = sys.stdin.buffer.read().decode("utf-8", "replace")
    found = trafilatura.bare_extraction(
        html,
        with_metadata=True,
        include_comments=False,
        include_tables=False,
        prune_xpath=HIDDEN,
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    parts = {name: str(getattr(found, name, None) or "")[:MAX_OUTPUT] for name in Extracted.__slots__}
    sys.stdout.write(json.dumps(parts))


if __name__ == "__main__":
    _main()
