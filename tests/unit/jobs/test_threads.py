from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
# Threads change places as often as they can, which shows a race within milliseconds.
PROGRAM = """
import sys
sys.setswitchinterval(1e-6)
from concurrent.futures import ThreadPoolExecutor
from shared.domain.doors import DOORS
asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
with ThreadPoolExecutor(8) as pool:
    for door in DOORS.values():
        list(pool.map(lambda _: door.parse(asked), range(200)))
"""


def test_the_first_bodies_may_be_read_by_many_threads_at_once() -> None:
    for _ in range(3):
        done = subprocess.run(  # noqa: S603 our own program
            [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[-500:]
