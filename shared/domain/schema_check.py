"""Whether an answer fits the JSON schema that was asked for, as far as is told cheaply.

A whole validator would be a dependency of every cold start, and its worst schemas take seconds.
Checked are the keywords that providers' structured outputs are made of: ``type``, ``enum``,
``const``, ``properties``, ``required``, ``additionalProperties: false`` and ``items``. An answer
that breaks one is ``broken`` whatever else the schema says. Where the schema says more, such as
``anyOf`` or ``$ref``, an answer that breaks nothing is ``unjudged``. Source of the meaning:
https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

SchemaVerdict = Literal["met", "broken", "unjudged"]

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
_CHECKED: Final = frozenset(
    {"type", "enum", "const", "properties", "required", "additionalProperties", "items"}
)
_SAYS_NOTHING: Final = frozenset({"$schema", "$id", "title", "description", "default", "examples"})
_MOST_VALUES: Final = 20_000
"""An answer with more values than that is not judged."""


def check(text: str, schema: object) -> SchemaVerdict:
    """Judge an answer's text by a schema; any object will do where the schema is no object."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return "broken"
    if not isinstance(schema, dict):
        return "met" if isinstance(value, dict) else "broken"
    return _judged(value, schema)


def _judged(value: object, schema: dict[str, Any]) -> SchemaVerdict:
    left: list[tuple[object, Any]] = [(value, schema)]
    verdict: SchemaVerdict = "met"
    for _ in range(_MOST_VALUES):
        if not left:
            return verdict
        each, rule = left.pop()
        if rule is True:
            continue
        if not isinstance(rule, dict):
            verdict = "unjudged"
            continue
        if not _fits(each, rule):
            return "broken"
        if rule.keys() - _CHECKED - _SAYS_NOTHING:
            verdict = "unjudged"
        left += _inner(each, rule)
    return "unjudged"


def _fits(value: object, rule: dict[str, Any]) -> bool:
    types = rule.get("type")
    if types is not None and not any(_is_of(value, name) for name in _listed(types)):
        return False
    if isinstance(rule.get("enum"), list) and value not in rule["enum"]:
        return False
    if "const" in rule and value != rule["const"]:
        return False
    return not isinstance(value, dict) or _has_fields(value, rule)


def _has_fields(value: dict[str, Any], rule: dict[str, Any]) -> bool:
    required = rule.get("required")
    if isinstance(required, list):
        names = [name for name in required if isinstance(name, str)]
        if not all(name in value for name in names):
            return False
    known = rule.get("properties")
    is_closed = rule.get("additionalProperties") is False
    return not is_closed or value.keys() <= (known if isinstance(known, dict) else {}).keys()


def _inner(value: object, rule: dict[str, Any]) -> Iterator[tuple[object, Any]]:
    if isinstance(value, list) and "items" in rule:
        yield from ((each, rule["items"]) for each in value)
    properties = rule.get("properties")
    if isinstance(value, dict):
        known = properties if isinstance(properties, dict) else {}
        yield from ((value[name], known[name]) for name in value.keys() & known.keys())
        others = rule.get("additionalProperties")
        if isinstance(others, dict):
            yield from ((value[name], others) for name in value.keys() - known.keys())


def _is_of(value: object, name: object) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    kinds = _TYPES.get(name) if isinstance(name, str) else None
    return kinds is None or isinstance(value, kinds)


def _listed(types: object) -> list[Any]:
    return types if isinstance(types, list) else [types]
