"""The mocks that are not mocks: each declared resource is created in the local AWS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from local.deploy.creation import Aws, Creation
from local.deploy.creators import CREATORS
from local.deploy.deployment import Declared
from local.deploy.errors import DeployError, UnknownResourceTypeError
from local.deploy.inputs import Inputs, plain

Transform = Callable[[str, str, dict[str, Any]], dict[str, Any]]
"""Gets type, logical name and inputs of a resource; returns the inputs to create it with."""


class Provisioner(Mocks):
    """Creates resources as Pulumi registers them, and remembers what became of them.

    :mod:`local.deploy.pulumi_run` sees to it that one resource at a time is asked for.
    """

    def __init__(self, aws: Aws, transform: Transform | None) -> None:
        self.resources: list[Declared] = []
        self.ignored: list[str] = []
        self._aws = aws
        self._transform = transform

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Refuse look-ups: the program declares, and asks AWS nothing."""
        raise DeployError(f"the local world cannot answer {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Create one resource; an error carries a note that names it."""
        try:
            return self._create(args.typ, args.name, plain(args.inputs))
        except Exception as error:
            error.add_note(f"while creating {args.name!r} of type {args.typ}")
            raise

    def _create(
        self, type_token: str, name: str, values: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        if type_token not in CREATORS:
            raise UnknownResourceTypeError(type_token, name)
        if self._transform is not None:
            values = self._transform(type_token, name, values)
        inputs = Inputs(values)
        created = CREATORS[type_token](Creation(name, inputs, self._aws))
        outputs = {**values, **created.outputs}
        self.resources.append(Declared(type_token, name, values, {**outputs, "id": created.id}))
        self.ignored += [f"{type_token} {name}: {path}" for path in inputs.unread()]
        return created.id, outputs
