"""What a deployed stack says of itself, through the Pulumi CLI and its backend."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import typer

CHECKOUT: Final = Path(__file__).parents[1]
SECONDS: Final = 60
"""A backend in S3 answers within a few; one that asks for a passphrase never would."""


def stack_outputs(stack: str) -> dict[str, Any]:
    """Return the outputs of a deployed stack; raises ``typer.BadParameter`` saying why not."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise typer.BadParameter("there is no pulumi on PATH: install it, or give --endpoint")
    command = [pulumi, "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    try:
        told = subprocess.run(  # noqa: S603 - the operator's own pulumi
            command, cwd=CHECKOUT, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        raise typer.BadParameter(f"pulumi gave no answer within {SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        raise typer.BadParameter(f"pulumi: {error.stderr.strip()}") from None
    outputs: dict[str, Any] = json.loads(told.stdout)
    if "endpoint" not in outputs:
        raise typer.BadParameter(f"the stack {stack} has no endpoint: is it deployed?")
    return outputs
