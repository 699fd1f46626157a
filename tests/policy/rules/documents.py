"""Reading IAM documents, wherever a resource carries one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_HOLDERS = ("policy", "assumeRolePolicy")


def statements(props: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each statement of each IAM document among a resource's properties."""
    for holder in _HOLDERS:
        if document := props.get(holder):
            yield from _listed(json.loads(document)["Statement"])


def allowing(props: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield those that allow something: one that denies may well deny all."""
    return (each for each in statements(props) if each.get("Effect") != "Deny")


def values(statement: Mapping[str, Any], element: str) -> list[str]:
    """Return an element's values as a list; empty where it is absent."""
    return [str(value) for value in _listed(statement.get(element, []))]


def is_open(statement: Mapping[str, Any]) -> bool:
    """Tell whether a statement lets everybody in and asks nothing of them."""
    principal = statement.get("Principal")
    everybody = principal == "*" or (isinstance(principal, dict) and "*" in _all_of(principal))
    return everybody and statement["Effect"] == "Allow" and "Condition" not in statement


def _all_of(principal: Mapping[str, Any]) -> list[Any]:
    return [name for names in principal.values() for name in _listed(names)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
