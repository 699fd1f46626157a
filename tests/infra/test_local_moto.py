"""What is changed in moto itself, in a process of its own: a change would stay in this one."""

from __future__ import annotations

import subprocess
import sys

from tests.infra.local_stack import ROOT

LISTINGS = """
from moto import backends
from local.aws.moto_patches import apply_moto_patches
plain = list(backends.list_of_moto_modules())
apply_moto_patches()
first = backends.list_of_moto_modules()
print(list(first) == plain, backends.list_of_moto_modules() is first, "dynamodb" in first)
"""


def test_the_services_are_the_same_as_before_and_listed_once() -> None:
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", LISTINGS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "True"]
