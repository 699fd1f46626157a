"""What the dispatcher and the collector import before there is work: no provider's SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

SAY = "import functions.{}.handler, sys; print(*({{'openai', 'anthropic'}} & set(sys.modules)))"


@pytest.mark.parametrize("function", ["dispatcher", "collector"])
def test_a_round_without_batches_pays_for_no_sdk(function: str) -> None:
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", SAY.format(function)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
