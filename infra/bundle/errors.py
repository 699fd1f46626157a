"""Why there is no bundle."""

from __future__ import annotations

from collections.abc import Sequence


class BundleFailed(RuntimeError):
    """A step could not be done; says which, and what its tool said."""


class BundleRefused(BundleFailed):
    """The zip was built but must not be used; ``findings`` are sentences, one for each fault."""

    def __init__(self, name: str, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        listed = "\n".join(f"  - {finding}" for finding in findings)
        super().__init__(f"{name} fails its checks:\n{listed}")


class NotDeployable(BundleFailed):
    """There is no zip that Lambda could run; says what to do."""
