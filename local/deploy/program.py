"""Applies the Pulumi program to the local AWS."""

from __future__ import annotations

import asyncio
from pathlib import Path

from local.deploy.creation import Aws
from local.deploy.deployment import Deployment
from local.deploy.errors import DeployError
from local.deploy.provisioner import Provisioner, Transform
from local.deploy.pulumi_run import run_program
from local.deploy.stack_file import read_stack_file


async def deploy(
    program: Path,
    stack_file: Path,
    *,
    project: str,
    aws_endpoint_url: str,
    region: str,
    transform: Transform | None = None,
) -> Deployment:
    """Apply a Pulumi program to the local AWS and return what stands there now.

    ``program`` is the program's ``__main__.py`` or its folder; ``stack_file`` a
    ``Pulumi.<stack>.yaml`` whose ``aws:region`` is ``region``. ``transform`` may alter a
    resource's inputs before it is created. Several stacks may be deployed one after another.

    Raises :class:`DeployError`, or whatever the program or AWS raised, with a note that names
    the resource.
    """
    stack = read_stack_file(stack_file, project)
    if (declared := stack.config.get("aws:region")) != region:
        raise DeployError(f"{stack_file.name} is for region {declared}, not {region}")
    made = Provisioner(Aws(aws_endpoint_url, region), transform)
    outputs = await asyncio.to_thread(run_program, program, project, stack, made)
    return Deployment(tuple(made.resources), outputs, tuple(made.ignored))
