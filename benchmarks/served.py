"""What the API promises, measured one after the other: ratios under load, memory, and live messages.

    python -m benchmarks.served            about 20 minutes, on a machine that does nothing else
    python -m benchmarks.served --short    two or three minutes, to see that it works

Goals: each p99 at most 5 times a bare endpoint's while a backfill runs; memory flat over ten minutes of load;
300 WebSocket clients at 10 messages a second for five minutes with 0 lost and 0 twice, p99 below 300 ms.
"""

from __future__ import annotations

import argparse
import os

from benchmarks import api, live

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    short = parser.parse_args().short
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    live.run(minutes=0.5 if short else 5)
    api.run(seconds=3 if short else 10, minutes=0.5 if short else 10)
    print(f"load after: {os.getloadavg()[0]:.1f}")
