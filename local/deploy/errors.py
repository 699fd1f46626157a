"""What can go wrong in a local deployment.

DeployError                   the program or its configuration cannot be applied here
└── UnknownResourceTypeError  a declared resource whose type nobody here can create
"""

from __future__ import annotations


class DeployError(Exception):
    """The program or its configuration cannot be applied to the local AWS; says why."""


class UnknownResourceTypeError(DeployError):
    """A declared resource has a type that the local world cannot create."""

    def __init__(self, type_token: str, name: str) -> None:
        super().__init__(
            f"the local world cannot create {name!r} of type {type_token}: "
            "add a function for the type to local/deploy/creators/"
        )
