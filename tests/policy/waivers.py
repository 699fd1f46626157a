"""The findings that we keep, with their reasons."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import msgspec

from tests.infra.bare import ENVIRONMENTS
from tests.policy.judging import Finding

FILE = Path(__file__).with_name("waivers.toml")


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of finding on one resource, or on all whose name begins alike."""

    resource: str
    reason: str
    rule: str | None = None
    check: str | None = None
    environments: tuple[str, ...] = ENVIRONMENTS

    def covers(self, finding: Finding, environment: str) -> bool:
        return (
            environment in self.environments
            and finding.rule in {self.rule, self.check}
            and fnmatch.fnmatchcase(finding.resource, self.resource)
        )


class _File(msgspec.Struct, forbid_unknown_fields=True):
    waiver: list[Waiver]


def all_waivers() -> list[Waiver]:
    return msgspec.toml.decode(FILE.read_bytes(), type=_File).waiver
