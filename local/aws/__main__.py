"""``python -m local.aws [--port 0]``: serve until SIGTERM or SIGINT.

Prints one line to stdout once requests are answered: ``{"ready": true, "port": N}``.
"""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

import msgspec

from local.aws.loopback import forbid_the_outside
from local.aws.server import make_local_aws


def main() -> None:
    """Serve the local AWS on loopback; port 0 takes any free port."""
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port
    # Before moto is imported: no import of its may reach out either.
    forbid_the_outside()
    server = make_local_aws(port)
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
