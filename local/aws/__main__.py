"""``python -m local.aws [--port 0] [--clock-file PATH]``: serve until SIGTERM or SIGINT.

Prints one line to stdout once requests are answered: ``{"ready": true, "port": N}``.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

import msgspec

from local.aws.loopback import forbid_the_outside
from local.aws.server import make_local_aws
from shared.clock import offset_clock, system_clock


def main() -> None:
    """Serve the local AWS on loopback; port 0 takes any free port."""
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--clock-file", type=Path, help="seconds by which the world runs ahead")
    options = parser.parse_args()
    clock = offset_clock(options.clock_file) if options.clock_file else system_clock
    # Before moto is imported: no import of its may reach out either.
    forbid_the_outside()
    server = make_local_aws(options.port, clock)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    _announce(server.server_port)
    server.serve_forever()


def _announce(port: int) -> None:
    line = msgspec.json.encode({"ready": True, "port": port}).decode()
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    # moto prints hints now and then; whoever reads stdout expects the line above and no more.
    sys.stdout = sys.stderr


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
