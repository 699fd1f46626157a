"""What every function's code is uploaded as, and what it runs on.

(The module is not called ``functions`` or ``code``: this folder leads ``sys.path`` while Pulumi
runs it, and other modules of those names would vanish.)
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

import shared
from infra.bundle.deployable import require_deployable
from infra.bundle.errors import NotDeployable
from infra.bundle.recipe import FunctionCode
from infra.settings import ConfigError

CHECKOUT = Path(shared.__file__).parents[1]
RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
ENVIRONMENT_BYTES = 4096
"""All that Lambda takes of environment variables, names and values (Lambda quotas)."""


def code_arguments(code: FunctionCode) -> dict[str, Any]:
    """Return what a function is declared with to run a zip: its code, handler and machine."""
    bundle = CHECKOUT / "build" / f"{code.name}.zip"
    is_uploaded = not isinstance(get_monitor(), MockMonitor)
    return {
        "runtime": RUNTIME,
        "architectures": [ARCHITECTURE],
        "handler": code.handler,
        "code": bundle_to_upload(code, bundle, is_uploaded=is_uploaded),
        "source_code_hash": bundle_hash(bundle),
    }


def bundle_to_upload(code: FunctionCode, bundle: Path, *, is_uploaded: bool) -> pulumi.FileArchive:
    """Return a bundle as a function's code.

    Where Pulumi's engine will upload it, raises ``pulumi.RunError`` if it is missing, built for
    anything else than this function on Lambda, or older than the checkout. Under mocks nobody
    reads it.
    """
    if is_uploaded:
        try:
            require_deployable(
                bundle,
                CHECKOUT,
                runtime=RUNTIME,
                architecture=ARCHITECTURE,
                handler=code.handler,
            )
        except NotDeployable as error:
            raise pulumi.RunError(str(error)) from error
    # Pulumi resolves the path from its working directory, which `main: infra` changes.
    return pulumi.FileArchive(os.path.relpath(bundle))


def bundle_hash(bundle: Path) -> str | None:
    """Return the bundle's SHA-256 in base64 as Lambda reports it, or None where it is not built.

    A preview needs no bundle; a deployment builds it first.
    """
    if not bundle.exists():
        return None
    return base64.b64encode(hashlib.sha256(bundle.read_bytes()).digest()).decode()


def fitting(function: str, variables: Mapping[str, str], remedy: str) -> dict[str, str]:
    """Return a function's environment; raises :class:`ConfigError` where Lambda takes no more."""
    size = sum(map(len, (*variables, *variables.values())))
    if size > ENVIRONMENT_BYTES:
        raise ConfigError(
            f"the {function}'s settings take {size} bytes and Lambda has {ENVIRONMENT_BYTES} for "
            f"them: {remedy}"
        )
    return dict(variables)
