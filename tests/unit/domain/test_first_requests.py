"""The first requests of a process may come in several threads at once."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from threading import Barrier, Thread
from shared.domain.batches.jsonl import RawLine
from shared.domain.batches.lines import LineReader
from shared.domain.doors import CHAT
from shared.domain.chat import parse_chat
from shared.domain.controls import read_controls
from shared.domain.messages import parse_messages

said = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
readers = [
    lambda: parse_chat(said),
    lambda: parse_messages(said),
    lambda: read_controls({}, {"task": "qa"}),
    lambda: list(LineReader(CHAT).file([RawLine(1, b"{}")])),
]
sys.setswitchinterval(1e-6)
done = []


def read(reader, together):
    together.wait()
    done.append(reader())


for reader in readers:
    together = Barrier(8)
    threads = [Thread(target=read, args=(reader, together)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
sys.exit(len(done) != 32)
"""


def test_shapes_that_are_first_read_in_several_threads_crash_nothing() -> None:
    """A crash is a segmentation fault, so a process of its own has it; see ``chat.py``."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], check=False)  # noqa: S603 our own text
    assert ended.returncode == 0
