"""What stands between a zip and an upload."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pulumi
import pytest

from infra.bundle.build import Built
from infra.bundle.deployable import require_deployable
from infra.bundle.errors import NotDeployable
from infra.bundle.manifest import MANIFEST
from infra.bundle.recipe import ROUTER
from infra.function_code import bundle_to_upload
from tests.infra.bare import ROOT


def require(path: Path, checkout: Path = ROOT, /, **otherwise: str) -> None:
    declared = {
        "runtime": "python3.13",
        "architecture": "arm64",
        "handler": "functions/router/run.sh",
    }
    require_deployable(path, checkout, **{**declared, **otherwise})


def test_the_zip_for_lambda_is_deployable(lambda_bundle: Built) -> None:
    require(lambda_bundle.path)
    archive = bundle_to_upload(ROUTER, lambda_bundle.path, is_uploaded=True)
    assert isinstance(archive, pulumi.FileArchive)


def test_a_missing_zip_is_refused_by_the_name_of_what_builds_it(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match=r"no .*/router\.zip: run `make bundle` first"):
        bundle_to_upload(ROUTER, tmp_path / "router.zip", is_uploaded=True)


def test_under_mocks_no_zip_is_asked_for(tmp_path: Path) -> None:
    archive = bundle_to_upload(ROUTER, tmp_path / "router.zip", is_uploaded=False)
    assert isinstance(archive, pulumi.FileArchive)


def test_a_zip_built_for_this_machine_is_refused_under_any_name(
    host_bundle: Built, tmp_path: Path
) -> None:
    renamed = Path(shutil.copy(host_bundle.path, tmp_path / "router.zip"))
    with pytest.raises(NotDeployable, match=r"built for this machine \(host\), not for Lambda"):
        require(renamed)


@pytest.mark.parametrize(
    "otherwise", [{"runtime": "python3.14"}, {"architecture": "x86_64"}, {"handler": "run.sh"}]
)
def test_a_zip_for_another_declaration_is_refused(
    lambda_bundle: Built, otherwise: dict[str, str]
) -> None:
    with pytest.raises(NotDeployable, match="the function is declared with"):
        require(lambda_bundle.path, **otherwise)


def test_a_zip_that_is_older_than_the_code_is_refused(lambda_bundle: Built, tmp_path: Path) -> None:
    for package in ("functions", "shared"):
        shutil.copytree(ROOT / package, tmp_path / package)
    require(lambda_bundle.path, tmp_path)
    with (tmp_path / "shared/catalog/models.toml").open("a") as models:
        models.write("\n")
    with pytest.raises(NotDeployable, match=r"built before shared/catalog/models\.toml changed"):
        require(lambda_bundle.path, tmp_path)
    (tmp_path / "shared/clock.py").unlink()
    with pytest.raises(NotDeployable, match="and 1 more files changed"):
        require(lambda_bundle.path, tmp_path)


def test_what_is_no_zip_or_no_bundle_is_refused(tmp_path: Path) -> None:
    stranger = tmp_path / "router.zip"
    stranger.write_bytes(b"not a zip")
    with pytest.raises(NotDeployable, match="is not a bundle"):
        require(stranger)
    with zipfile.ZipFile(stranger, "w") as archive:
        archive.writestr("handler.py", "")
    with pytest.raises(NotDeployable, match="is not a bundle"):
        require(stranger)
    with zipfile.ZipFile(stranger, "w") as archive:
        archive.writestr(MANIFEST, json.dumps({"target": "lambda"}))
    with pytest.raises(NotDeployable, match="does not fit"):
        require(stranger)
