"""Batches go faster than the clock where they are told to, and expire by the clock all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from openai import OpenAI

from local.simulator.batches.schedule import Course, Schedule
from local.stand_ins import BATCH_SPEEDUP
from tests.unit.simulator.batch_lines import begin, chat_line, eventually
from tests.unit.simulator.conftest import KEY, REPOSITORY

COMMAND = (sys.executable, "-m", "local.simulator", "--clock-file")


def test_twenty_lines_end_within_twenty_seconds_of_the_local_world() -> None:
    schedule = Schedule(0, 20, BATCH_SPEEDUP, Course())
    assert schedule.due(19) + schedule.closing < 20
    assert schedule.expires == 24 * 3_600


def test_a_batch_ends_soon_though_nobody_moves_the_clock(tmp_path: Path) -> None:
    clock_file = tmp_path / "clock"
    clock_file.write_text("0.0", encoding="ascii")
    command = [*COMMAND, str(clock_file), "--batch-speedup", "1000"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        url, http = f"http://127.0.0.1:{port}/v1", httpx2.Client(trust_env=False, timeout=60)
        with OpenAI(base_url=url, api_key=KEY, max_retries=0, http_client=http) as openai:
            batch = begin(openai, [chat_line("a")])
            done = eventually(lambda: ended(openai, batch.id))
        assert done == "completed"
        process.terminate()
        assert process.wait(timeout=60) == 0


def ended(openai: OpenAI, batch_id: str) -> str | None:
    status = openai.batches.retrieve(batch_id).status
    return None if status in {"validating", "in_progress", "finalizing"} else status


@pytest.mark.parametrize("speedup", ["0", "-1", "inf", "nan", "fast"])
def test_a_speed_that_makes_no_sense_is_refused(tmp_path: Path, speedup: str) -> None:
    command = [*COMMAND, str(tmp_path / "clock"), "--batch-speedup", speedup]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)  # noqa: S603 - our own module
    assert done.returncode == 2
    assert b"--batch-speedup" in done.stderr
