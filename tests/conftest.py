"""The function's zips, built once for all tests that look into them or run them."""

from __future__ import annotations

import pytest

from infra.bundle.build import Built, build
from infra.bundle.recipe import ROUTER
from infra.bundle.targets import LAMBDA, Target, host
from local.ground import CHECKOUT


def _built(target: Target, factory: pytest.TempPathFactory) -> Built:
    return build(ROUTER, target, CHECKOUT, factory.mktemp(target.name), print)


@pytest.fixture(scope="session")
def lambda_bundle(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return _built(LAMBDA, tmp_path_factory)


@pytest.fixture(scope="session")
def host_bundle(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return _built(host(), tmp_path_factory)
