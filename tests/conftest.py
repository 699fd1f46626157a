"""What all tests share: the order in which processes take them, and the function's zips."""

from __future__ import annotations

import fcntl
import gc
import pickle
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from infra.bundle.build import Built, build
from infra.bundle.recipe import ROUTER
from infra.bundle.targets import LAMBDA, Target, host
from local.botocore_data import share_botocore_data
from local.ground import CHECKOUT
from tests.suites import ORDER, as_table, seconds_by_suite, suite_of

share_botocore_data()

SHARED = "tests/infra/"
"""The suite whose files share one local AWS with every environment in it."""


class BySuite(LoadFileScheduling):  # type: ignore[misc] # xdist is not typed
    """Gives a process whole files, and all files of a suite that share what they start."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return SHARED if file.startswith(SHARED) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> BySuite:
    return BySuite(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the suites where several processes share them out."""
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """Leave what has been imported and collected out of every further garbage collection.

    It is half a gigabyte and stays to the end: to look through it takes a second each time.
    """
    gc.collect()
    gc.freeze()


def _rank(item: pytest.Item) -> int:
    suite = suite_of(item.nodeid)
    return ORDER.index(suite) if suite in ORDER else len(ORDER)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show what each suite took of its budget, where several processes shared them out."""
    if getattr(config.option, "numprocesses", None):
        reports = [each for kind in terminalreporter.stats.values() for each in kind]
        phases = [(r.nodeid, r.duration) for r in reports if isinstance(r, pytest.TestReport)]
        terminalreporter.section("seconds of each suite, of its budget")
        for line in as_table(seconds_by_suite(phases)):
            terminalreporter.write_line(line)


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
