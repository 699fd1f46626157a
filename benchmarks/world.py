"""Starts the canned world and asks it what it was asked for."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import prepared, scenarios

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class World:
    """A running canned world and, for a router, what was composed for it."""

    port: int
    prepared: Mapping[str, Any] | None

    @property
    def url(self) -> str:
        """Where AWS and the provider are."""
        return f"http://127.0.0.1:{self.port}"

    def counts(self) -> dict[str, int]:
        """Return how often each operation was asked for since the last time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/counts")
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()


@contextmanager
def running_world(checkout: Path | None) -> Iterator[World]:
    """Run a world, with the rows that a checkout's code composes where one is given."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.canned"],
        cwd=ROOT,
        env=python_environment(ROOT),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the canned world has no pipes")
        try:
            port = int(process.stdout.readline())
            composed = None if checkout is None else _composed(checkout, port)
            process.stdin.write(json.dumps(composed) + "\n")
            process.stdin.flush()
            process.stdout.readline()
            yield World(port, composed)
        finally:
            process.kill()


def python_environment(checkout: Path) -> dict[str, str]:
    """Return the environment of a Python program of a checkout, and nothing of this shell's."""
    programs = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    return {"PATH": ":".join(programs), "LANG": "C.UTF-8", "PYTHONPATH": str(checkout)}


def _composed(checkout: Path, port: int) -> dict[str, Any]:
    request = {
        "world": f"http://127.0.0.1:{port}",
        "answer": scenarios.completion(),
        "stored": {
            name: {"body": scenarios.SCENARIOS[name].body, "freshness": freshness}
            for name, freshness in scenarios.STORED.items()
        },
    }
    done = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-P", prepared.__file__],
        cwd=checkout,
        env=python_environment(checkout),
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))
