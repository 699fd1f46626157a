from __future__ import annotations

import subprocess
import sys

import pytest

from tests.infra.local_stack import ROOT

ATTEMPT = """
import socket
from local.aws.loopback import OutsideForbiddenError, forbid_the_outside
forbid_the_outside()
try:
    {attempt}
except OutsideForbiddenError as error:
    print("refused", error)
"""


def outcome(attempt: str) -> str:
    command = [sys.executable, "-c", ATTEMPT.format(attempt=attempt)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # noqa: S603, PLW1510
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 80), 1)",
        "socket.getaddrinfo('dynamodb.us-east-1.amazonaws.com', 443)",
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ],
)
def test_the_local_aws_cannot_reach_out(attempt: str) -> None:
    assert outcome(attempt).startswith("refused the local AWS may not reach")


def test_loopback_stays_open() -> None:
    listen = "s = socket.create_server(('127.0.0.1', 0)); "
    talk = "socket.create_connection(('localhost', s.getsockname()[1])); print('through')"
    assert outcome(listen + talk).startswith("through")
