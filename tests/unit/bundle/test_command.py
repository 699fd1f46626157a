from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli import bundle as command
from cli import up
from cli.main import commands
from infra.bundle.build import Built
from infra.bundle.errors import BundleFailed, BundleRefused
from infra.bundle.manifest import Manifest
from infra.bundle.recipe import FUNCTIONS
from local.ground import CHECKOUT
from local.state import State

MANIFEST = Manifest("router", "lambda", "python3.13", "arm64", "run.sh", True, "00")
BUILT = Built(CHECKOUT / "build/router.zip", MANIFEST, (), 5 * 2**20, 20 * 2**20, "ab" * 32)


def run(monkeypatch: pytest.MonkeyPatch, outcome: Built | BundleFailed, *arguments: str) -> Any:
    def build(*_: object) -> Built:
        if isinstance(outcome, BundleFailed):
            raise outcome
        return outcome

    monkeypatch.setattr(command, "build", build)
    return CliRunner().invoke(commands(), ["bundle", *arguments])


def test_the_command_tells_the_size_against_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(monkeypatch, BUILT)
    assert ran.exit_code == 0
    assert "for AWS Lambda (python3.13, arm64)" in ran.output
    assert "5.0 of 50 MiB, 20.0 of 250 MiB unzipped" in ran.output
    assert "ab" * 32 in ran.output


def test_the_command_gives_the_same_facts_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(monkeypatch, BUILT, "--json")
    told = json.loads(ran.stdout)
    assert len(told) == len(FUNCTIONS)
    facts = told[0]
    assert facts["path"] == "build/router.zip"
    assert facts["zipped_bytes"] == 5 * 2**20
    assert facts["byte_code"] is True


def test_a_zip_that_fails_its_checks_ends_the_command_with_each_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = run(monkeypatch, BundleRefused("router.zip", ["one [thing]", "another"]))
    assert ran.exit_code == 1
    assert "router.zip fails its checks:\n  - one [thing]\n  - another" in ran.output


def test_a_target_that_does_not_exist_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(monkeypatch, BUILT, "--target", "moon")
    assert ran.exit_code == 2
    assert "lambda, host" in ran.output


def test_a_running_world_keeps_its_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object) -> Path:
        raise AssertionError("built under a running world")

    monkeypatch.setattr(up, "unzipped_bundles", never)
    monkeypatch.setattr(up, "CHECKOUT", tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  aws:region: us-east-1\n")
    with State(tmp_path / ".sluice").take(), pytest.raises(typer.Exit):
        up.up(real=False, bundle=True, stacks=["dev"], port=0, create_demo_key=lambda *_: "")
    assert "another local world runs" in capsys.readouterr().out
