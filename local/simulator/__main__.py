"""``python -m local.simulator --clock-file PATH [--port N]``: serves until SIGTERM or SIGINT.

``--batch-speedup X`` makes batches take an Xth of their usual time.
Once it serves, one line goes to standard output: ``{"ready": true, "port": N}``.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from local.simulator.app import build_app
from local.simulator.clock import FileClock
from local.simulator.prices import load_prices

if TYPE_CHECKING:
    from types import FrameType

LOOPBACK = "127.0.0.1"
KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep idle connections, so that none is closed under a request."""
GRACE_SECONDS = 1
"""A stalled stream must not hold up the end of the local world."""


class _AnnouncingServer(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        port = sockets[0].getsockname()[1] if sockets else None
        sys.stdout.write(json.dumps({"ready": True, "port": port}) + "\n")
        sys.stdout.flush()


def main(arguments: list[str] | None = None) -> None:
    """Serve on loopback; port 0 picks a free one."""
    options = _parser().parse_args(arguments)
    # uvicorn raises the signal again after its shutdown; this turns that into exit status 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    config = uvicorn.Config(
        build_app(FileClock(options.clock_file), load_prices(), options.batch_speedup),
        loop="asyncio",
        http="h11",
        access_log=False,
        log_level="critical",  # scripted disconnects would be logged as errors
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with _bound_socket(options.port) as bound:
        _AnnouncingServer(config).run(sockets=[bound])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.simulator")
    parser.add_argument("--clock-file", type=Path, required=True, help="holds seconds of offset")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--batch-speedup", type=_speedup, default=1.0, help="how fast batches go")
    return parser


def _speedup(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def _bound_socket(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only on sockets whose protocol is named; without it
    # every answer that is written in two parts waits 40 ms for the client's delayed ACK.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((LOOPBACK, port))
    return bound


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
