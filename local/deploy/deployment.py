"""What a deployment leaves behind: the declared resources and the stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Declared:
    """One resource: as the program declared it and as it turned out.

    Keys are camelCase, as Pulumi hands them over. ``outputs`` holds the inputs too, and ``id``.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True)
class Deployment:
    """A stack that stands in the local AWS.

    ``ignored`` names each declared property that nothing here looked at, as
    ``"<type> <name>: <property>"``.
    """

    resources: tuple[Declared, ...]
    outputs: Mapping[str, Any]
    ignored: tuple[str, ...]

    def all(self, type_token: str) -> list[Declared]:
        """Return the resources of one type, in the order they were created."""
        return [resource for resource in self.resources if resource.type == type_token]

    def one(self, type_token: str, name: str) -> Declared:
        """Return the resource of a type and logical name; raises ``KeyError`` naming both."""
        for resource in self.all(type_token):
            if resource.name == name:
                return resource
        raise KeyError(f"{type_token} {name}")
