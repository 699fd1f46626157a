"""Child processes: ready lines, and an end that a killed parent cannot prevent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import children
from local.children import ChildFailed, ready_port, start, start_server
from local.instance import state_letter

PARENT = """
import asyncio, pathlib, signal, sys
from local import children

async def main():
    here = pathlib.Path.cwd()
    pids = []
    for name in ("running", "stopped"):
        child = await children.start(name, ["sleep", "600"], children.base_environment(), here)
        pids.append(child.pid)
    while not all(pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\\n" for pid in pids):
        await asyncio.sleep(0.01)
    child.signal(signal.SIGSTOP)
    while "\\nState:\\tT" not in pathlib.Path(f"/proc/{child.pid}/status").read_text():
        await asyncio.sleep(0.01)
    print(*pids, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_children_die_with_a_parent_that_is_killed_even_a_stopped_one() -> None:
    checkout = Path(children.__file__).parents[1]
    with subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=checkout
    ) as parent:
        try:
            assert parent.stdout is not None
            running, stopped = (int(pid) for pid in parent.stdout.readline().split())
            assert state_letter(stopped) == "T"
        finally:
            parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while any(_alive(pid) for pid in (running, stopped)):
        assert time.monotonic() < deadline, "a child outlived its parent"
        time.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return state_letter(pid) != "Z"
    except FileNotFoundError:
        return False


def test_a_child_has_exactly_the_environment_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-real")

    async def run() -> list[str]:
        child = await start("env", ["env"], {"PATH": os.defpath, "ONE": "1"}, tmp_path)
        seen: list[str] = []
        child.pump(child.process.stdout, seen.append)
        assert await child.wait() == 0
        return seen

    names = {line.partition("=")[0] for line in asyncio.run(run())}
    # Python adds LC_CTYPE when it finds the C locale.
    assert names - {"LC_CTYPE"} == {"PATH", "ONE"}


def test_a_server_that_ends_before_it_is_ready_tells_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit('no port for me')")

    async def run() -> None:
        await start_server(
            "broken", ["broken"], children.base_environment(), tmp_path, lambda _: None
        )

    with pytest.raises(ChildFailed, match="no port for me"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ('{"ready": true, "port": 81}', 81),
        ('{"port": 81}', None),
        ('{"ready": true, "port": "81"}', None),
        ("listening", None),
        ("[]", None),
    ],
)
def test_only_a_ready_line_announces_a_port(line: str, port: int | None) -> None:
    assert ready_port(line) == port
