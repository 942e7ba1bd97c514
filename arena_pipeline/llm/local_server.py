"""The program behind `llm/local.py`: llama.cpp's own server over one file of weights, until its input ends.

Run as `local_server.py WEIGHTS NAME`. The key that requests must carry is the first line of its input; the
first line of its output is the address at which it listens. See: https://github.com/xorbitsai/xllamacpp.
"""

from __future__ import annotations

import os
import sys

CONTEXT = 8192
"""Tokens of prompt and reply together: what SmolLM2 was trained with."""


def serve(weights: str, name: str) -> None:
    """Threads of llama.cpp wait for each other in a loop: with one more than there are idle processors, a
    reply of a second takes minutes. So half of the processors, and no waiting in a loop.

    A little chance, from the same seed for every request: without any, a small model that is told what was
    wrong with its answer gives the same answer again.
    """
    import xllamacpp

    threads = min(max(1, (os.cpu_count() or 2) // 2), 8)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights
    parameters.model_alias = {name}
    parameters.api_keys = [sys.stdin.readline().strip()]
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.verbosity = 0
    parameters.sampling.temp = 0.6
    parameters.sampling.seed = 1
    for processors in (parameters.cpuparams, parameters.cpuparams_batch):
        processors.n_threads = threads
        processors.poll = 0
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)  # the server's own end waits for the replies that are being written


if __name__ == "__main__":
    serve(*sys.argv[1:3])
