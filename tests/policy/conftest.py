from __future__ import annotations

import pytest

from tests.infra.bare import ENVIRONMENTS, ROOT, stack_of
from tests.policy.judging import CHECKOV, Finding, failed_checks, write_terraform
from tests.policy.twin import STACK, TWIN


@pytest.fixture(scope="session")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[Finding]]:
    """What checkov finds in each environment and in the careless twin, in one run."""
    assert CHECKOV.exists(), "`make test` installs checkov; it is missing from this environment"
    folder = tmp_path_factory.mktemp("terraform")
    for environment in ENVIRONMENTS:
        write_terraform(ROOT / "infra", stack_of(environment), folder / environment)
    write_terraform(TWIN, STACK, folder / "careless")
    return failed_checks(folder)
