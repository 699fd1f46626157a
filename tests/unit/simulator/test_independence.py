"""An independent judge shares no code with what it judges, and stays on this machine."""

from __future__ import annotations

import ast
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulator.__main__ import _bound_socket
from tests.unit.simulator.conftest import REPOSITORY

SOURCE = REPOSITORY / "local" / "simulator"
OURS = {"shared", "functions", "infra", "cli", "local", "tests"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""


def test_the_simulator_imports_nothing_of_the_gateway_or_the_rest_of_local() -> None:
    files = sorted(SOURCE.rglob("*.py"))
    names = {name for file in files for name in imported(file)}
    own = {name for name in names if name.split(".")[0] in OURS}
    assert len(files) > 10
    assert {name for name in own if not name.startswith("local.simulator")} == set()
    assert "genai_prices" not in names


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_during_a_stalled_stream(
    tmp_path: Path, number: signal.Signals
) -> None:
    clock_file = tmp_path / "clock"
    clock_file.write_text("0.0", encoding="ascii")
    command = [sys.executable, "-m", "local.simulator", "--clock-file", str(clock_file)]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"ready", "port"}
        with socket.create_connection(("127.0.0.1", ready["port"]), timeout=60) as client:
            client.sendall(_slow_request())
            assert client.recv(15) == b"HTTP/1.1 200 OK"
            process.send_signal(number)
            assert process.wait(timeout=60) == 0
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""


def test_it_listens_on_loopback_only() -> None:
    with _bound_socket(0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


def _slow_request() -> bytes:
    message = {"role": "user", "content": "[slow 20000] [long 9]"}
    body = json.dumps({"model": "gpt-6-luna", "messages": [message], "stream": True}).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-1\r\n"
    return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body
