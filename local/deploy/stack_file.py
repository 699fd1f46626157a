"""Reads ``Pulumi.<stack>.yaml`` into the configuration that Pulumi would hand to the program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.deploy.errors import DeployError


@dataclass(frozen=True)
class StackFile:
    """A stack's name and its configuration: full keys (``aws:region``) to texts."""

    stack: str
    config: dict[str, str]

    @property
    def region(self) -> str:
        """The region of the stack; raises :class:`DeployError` where the file names none."""
        if "aws:region" not in self.config:
            raise DeployError(f"Pulumi.{self.stack}.yaml names no aws:region")
        return self.config["aws:region"]


def read_stack_file(file: Path, project: str) -> StackFile:
    """Return what a stack file says; raises :class:`DeployError` where it cannot be used here."""
    prefix, _, stack = file.stem.partition(".")
    if prefix != "Pulumi" or not stack:
        raise DeployError(f"{file.name} is not named Pulumi.<stack>.yaml")
    content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    config = content.get("config", {})
    return StackFile(
        stack, {_full_key(key, project): _text(key, value) for key, value in config.items()}
    )


def _full_key(key: str, project: str) -> str:
    # A key without a namespace belongs to the project.
    return key if ":" in key else f"{project}:{key}"


def _text(key: str, value: Any) -> str:
    """Give a value the form it has in Pulumi's configuration: a text, or a structure as JSON."""
    if isinstance(value, dict) and "secure" in value:
        raise DeployError(f"{key} is encrypted: the local world has no key to open it")
    return value if isinstance(value, str) else json.dumps(value)
