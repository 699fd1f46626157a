from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from local.deploy import Deployment
from tests.infra.local_stack import ROOT, LocalAws

# The server as `python -m local.aws` runs it, but switching threads a thousand times as often:
# calls that are not atomic get in each other's way at once, not once in a thousand runs.
NERVOUS = """
import runpy, sys
sys.setswitchinterval(1e-6)
sys.argv = ["local.aws", "--port", "0"]
runpy.run_module("local.aws", run_name="__main__")
"""


@contextmanager
def aws_of_its_own() -> Iterator[LocalAws]:
    command = [sys.executable, "-c", NERVOUS]
    with subprocess.Popen(  # noqa: S603 -- our own program
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield LocalAws(json.loads(process.stdout.readline())["port"])
        finally:
            process.terminate()
            rest, _ = process.communicate(timeout=60)
    assert rest == "", "the ready line is all that stdout may carry"


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    with aws_of_its_own() as aws:
        yield aws


@pytest.fixture(scope="session")
def dev(local_aws: LocalAws) -> Deployment:
    return local_aws.deploy("dev")


@pytest.fixture(scope="session")
def prod(local_aws: LocalAws) -> Deployment:
    return local_aws.deploy("prod")


@pytest.fixture(scope="session")
def environments(
    local_aws: LocalAws, dev: Deployment, prod: Deployment
) -> Mapping[str, Deployment]:
    """Every environment, deployed side by side into one account."""
    return {"dev": dev, "staging": local_aws.deploy("staging"), "prod": prod}
