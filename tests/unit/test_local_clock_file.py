"""The clock file: one offset that every process reads."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.clock_file import ClockFile
from shared.clock import offset_clock


def test_advancing_moves_every_reader_of_the_file_and_adds_up(tmp_path: Path) -> None:
    file = ClockFile(tmp_path / "deep" / "clock")
    file.reset()
    now = offset_clock(file.path)
    assert abs(now() - time.time()) < 60
    assert (file.advance(86_400), file.advance(0.5)) == (86_400, 86_400.5)
    assert abs(now() - time.time() - 86_400.5) < 60
    assert float(file.path.read_text(encoding="ascii")) == 86_400.5


def test_a_write_leaves_no_draft_behind(tmp_path: Path) -> None:
    file = ClockFile(tmp_path / "clock")
    file.reset()
    file.advance(1)
    assert list(tmp_path.iterdir()) == [file.path]


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
def test_time_moves_forward_only(tmp_path: Path, seconds: float) -> None:
    file = ClockFile(tmp_path / "clock")
    file.reset()
    with pytest.raises(ValueError, match="positive finite"):
        file.advance(seconds)
    assert file.offset == 0


def test_a_reader_never_meets_half_a_write(tmp_path: Path) -> None:
    file = ClockFile(tmp_path / "clock")
    file.reset()

    def write() -> None:
        for offset in range(3_000):
            file.set(offset)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        while not writer.done():
            assert file.offset >= 0
        writer.result()
    assert file.offset == 2_999
