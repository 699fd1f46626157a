"""The function's zips, built once for all tests that look into them or run them."""

from __future__ import annotations

import fcntl
import pickle
from pathlib import Path

import pytest

from infra.bundle.build import Built, build
from infra.bundle.recipe import ROUTER
from infra.bundle.targets import LAMBDA, Target, host
from local.ground import CHECKOUT


def _run_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all the processes of one test run share."""
    own = factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own


def _built(target: Target, factory: pytest.TempPathFactory) -> Built:
    """Build a zip, or take the one that another process of this run has built."""
    folder = _run_folder(factory) / f"bundle-{target.name}"
    folder.mkdir(exist_ok=True)
    record = folder / "built.pickle"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            built = build(ROUTER, target, CHECKOUT, folder, print)
            record.write_bytes(pickle.dumps(built))
        found: Built = pickle.loads(record.read_bytes())  # noqa: S301 -- written above
    return found


@pytest.fixture(scope="session")
def lambda_bundle(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return _built(LAMBDA, tmp_path_factory)


@pytest.fixture(scope="session")
def host_bundle(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return _built(host(), tmp_path_factory)
