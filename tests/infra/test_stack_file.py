from __future__ import annotations

from pathlib import Path

import pytest

from local.deploy import DeployError
from local.deploy.stack_file import read_stack_file


def test_values_arrive_as_pulumi_hands_them_over(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.trial.yaml"
    file.write_text(
        "config:\n  aws:region: eu-west-1\n  size: 3\n  sluice:on: true\n  sluice:list: [a, b]\n"
    )
    stack = read_stack_file(file, "sluice")
    assert stack.stack == "trial"
    assert stack.config == {
        "aws:region": "eu-west-1",
        "sluice:size": "3",
        "sluice:on": "true",
        "sluice:list": '["a", "b"]',
    }


def test_an_encrypted_value_is_refused_and_not_passed_on(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.trial.yaml"
    file.write_text("config:\n  sluice:key:\n    secure: AAAB\n")
    with pytest.raises(DeployError, match="sluice:key is encrypted"):
        read_stack_file(file, "sluice")


def test_a_file_of_another_name_is_no_stack(tmp_path: Path) -> None:
    file = tmp_path / "stack.yaml"
    file.write_text("config: {}\n")
    with pytest.raises(DeployError, match=r"stack\.yaml"):
        read_stack_file(file, "sluice")
