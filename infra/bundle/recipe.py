"""What goes into each function's zip: one row a function, and what stays out of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

MIB: Final = 1024 * 1024
MAX_ZIPPED_BYTES: Final = 50 * MIB
MAX_UNZIPPED_BYTES: Final = 250 * MIB
"""Both: AWS Lambda developer guide, "Lambda quotas", deployment package."""

OWN_PACKAGES: Final = ("functions", "shared")
DATA_SUFFIXES: Final = frozenset({".json", ".sh", ".toml"})
"""What travels with our modules when it lies beside them."""


@dataclass(frozen=True)
class FunctionCode:
    """One function's zip.

    ``handler`` is what the function is declared with. ``entries`` are the modules that are
    started or named by a string: everything else is found by following their imports.
    ``requirements`` is the lock of the wheels; ``aws_services`` are botocore's names of the
    services that are called.
    """

    name: str
    handler: str
    entries: tuple[str, ...]
    requirements: str
    aws_services: tuple[str, ...]

    @property
    def role(self) -> str:
        """What stands for the function in names of resources: its name, with hyphens."""
        return self.name.replace("_", "-")

    @property
    def start_script(self) -> str | None:
        """The handler where it is a program, which the Web Adapter runs; else None."""
        return self.handler if PurePosixPath(self.handler).suffix == ".sh" else None


ROUTER: Final = FunctionCode(
    name="router",
    handler="functions/router/run.sh",
    entries=(
        "functions.router.app",
        # The start script names these by string.
        "uvicorn.__main__",
        "uvicorn.loops.asyncio",
        "uvicorn.protocols.http.h11_impl",
        # uvicorn and anyio load these by name, httpx2 when its first client is made.
        "uvicorn.lifespan.on",
        "anyio._backends._asyncio",
        "httpcore2",
        "truststore",
    ),
    requirements="requirements/functions.txt",
    aws_services=("bedrock-runtime", "dynamodb", "s3", "secretsmanager", "sts"),
)

BUDGET_GUARD: Final = FunctionCode(
    name="budget_guard",
    handler="functions.budget_guard.handler.handle",
    entries=("functions.budget_guard.handler",),
    requirements="requirements/guard.txt",
    aws_services=("cloudwatch", "dynamodb", "secretsmanager", "sns", "sts"),
)

# Imported by name when a provider is first asked in batches; the SDKs do so with the others.
_SDKS: Final = (
    "shared.adapters.batches.anthropic_batches",
    "shared.adapters.batches.openai_batches",
    "anyio._backends._asyncio",
    "httpcore2",
    "truststore",
)
_WORKER_SERVICES: Final = ("dynamodb", "s3", "secretsmanager", "sts")

DISPATCHER: Final = FunctionCode(
    name="dispatcher",
    handler="functions.dispatcher.handler.handle",
    entries=("functions.dispatcher.handler", *_SDKS),
    requirements="requirements/workers.txt",
    aws_services=_WORKER_SERVICES,
)

COLLECTOR: Final = FunctionCode(
    name="collector",
    handler="functions.collector.handler.handle",
    entries=("functions.collector.handler", *_SDKS),
    requirements="requirements/workers.txt",
    aws_services=_WORKER_SERVICES,
)

FUNCTIONS: Final[Mapping[str, FunctionCode]] = {
    code.name: code for code in (ROUTER, DISPATCHER, COLLECTOR, BUDGET_GUARD)
}

LEFT_OUT: Final[Mapping[str, str]] = {
    "bin/*": "console scripts begin with the path of the interpreter that pip ran on",
    "*.dist-info/RECORD": "pip's list of what it wrote, console scripts included",
    "*.dist-info/INSTALLER": "pip's note about itself",
    "*.dist-info/REQUESTED": "pip's note about how it was called",
    "*.dist-info/direct_url.json": "pip's note about where a wheel came from",
    "boto3/data/*": "models of boto3's resources; we use its clients",
    "boto3/examples/*": "documentation",
    "*.pyi": "for type checkers",
    "tests/*": "tests",
    "*/tests/*": "tests",
}
"""Patterns (``*`` matches ``/`` too) of files in wheels that no function needs, and why."""

BOTOCORE_DATA: Final = "botocore/data/"
BOTOCORE_FILES: Final = (
    "_retry.json",
    "endpoints.json",
    "partitions.json",
    "sdk-default-configuration.json",
)
"""What botocore reads for any service; the rest of its data, 20 MB, is by service."""

MADE_WHILE_RUNNING: Final[Mapping[str, str]] = {
    "six.moves": "six makes it while it is imported",
}
"""Modules that are imported and lie in no file, and where they come from."""
