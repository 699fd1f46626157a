"""Deterministic JSON values that satisfy a JSON Schema, for tool arguments and JSON answers.

Only required properties are filled in. A keyword that is neither satisfied here nor a mere
annotation is refused rather than ignored: an answer that fails its own schema would be blamed
on the gateway.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from local.simulator.prose import WORDS, draws

Schema = Mapping[str, object]

STRUCTURE = {"type", "properties", "required", "additionalProperties", "items", "enum", "const"}
REFERENCES = {"anyOf", "$ref", "$defs", "definitions"}
LIMITS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
SIZES = {"minItems", "maxItems", "minLength", "maxLength", "format"}
ANNOTATIONS = {"title", "description", "default", "examples", "$schema", "$id"}
KNOWN = frozenset(STRUCTURE | REFERENCES | LIMITS | SIZES | ANNOTATIONS)
FORMATS = {
    "date": "2026-11-22",
    "time": "06:30:00Z",
    "date-time": "2026-11-22T06:30:00Z",
    "email": "reader@example.com",
    "uuid": "6f1c9a52-0d3e-4b7a-9c11-2f5e8d7a4b60",
    "uri": "https://example.com/",
}
OPTIONAL_DEPTH = 4
"""Below it, arrays stay as short as allowed and unions take their last branch."""
DEEPEST = 32


class UnsatisfiableSchemaError(ValueError):
    """The sampler has no value for this schema; the text says which keyword stopped it."""


def value_for(schema: Schema, seed: bytes) -> object:
    """Return the value that a seed gives; raises :class:`UnsatisfiableSchemaError`."""
    try:
        return _Sampler(schema, seed).value(schema, 0)
    except (TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise UnsatisfiableSchemaError(f"not a JSON Schema ({error})") from error


class _Sampler:
    def __init__(self, root: Schema, seed: bytes) -> None:
        self._root = root
        self._draws = draws(seed)

    def value(self, schema: object, depth: int) -> object:
        if depth > DEEPEST:
            raise UnsatisfiableSchemaError(f"nested more than {DEEPEST} levels deep")
        if not isinstance(schema, dict):
            return self._string({})
        _refuse_unknown(schema)
        if "$ref" in schema:
            return self.value(self._resolve(schema["$ref"]), depth + 1)
        if "anyOf" in schema:
            branches = schema["anyOf"]
            return self.value(branches[-1 if depth >= OPTIONAL_DEPTH else 0], depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][next(self._draws) % len(schema["enum"])]
        return self._typed(schema, depth)

    def _typed(self, schema: Schema, depth: int) -> object:
        match _type_of(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return next(self._draws) % 2 == 0
            case "null":
                return None
            case "string":
                return self._string(schema)
            case other:
                raise UnsatisfiableSchemaError(f"unknown type {other!r}")

    def _object(self, schema: Schema, depth: int) -> dict[str, object]:
        properties = cast("Schema", schema.get("properties", {}))
        required = cast("list[str]", schema.get("required", []))
        if not all(isinstance(name, str) for name in required):
            raise UnsatisfiableSchemaError("'required' holds something that is no name")
        return {name: self.value(properties.get(name, {}), depth + 1) for name in required}

    def _array(self, schema: Schema, depth: int) -> list[object]:
        wanted = 1 + next(self._draws) % 2 if depth < OPTIONAL_DEPTH else 0
        longest = cast("int", schema.get("maxItems", wanted))
        length = max(cast("int", schema.get("minItems", 0)), min(wanted, longest))
        return [self.value(schema.get("items", {}), depth + 1) for _ in range(length)]

    def _integer(self, schema: Schema) -> int:
        low, high = _bounds(schema)
        lowest = math.floor(low) + 1 if low == schema.get("exclusiveMinimum") else math.ceil(low)
        highest = math.ceil(high) - 1 if high == schema.get("exclusiveMaximum") else int(high // 1)
        if lowest > highest:
            raise UnsatisfiableSchemaError(f"no integer between {low} and {high}")
        return lowest + next(self._draws) % (highest - lowest + 1)

    def _number(self, schema: Schema) -> float:
        low, high = _bounds(schema)
        return low + (high - low) * (next(self._draws) + 1) / 257

    def _string(self, schema: Schema) -> str:
        if "format" in schema:
            return _of_format(str(schema["format"]))
        text = f"{self._word()} {self._word()}"
        while len(text) < cast("int", schema.get("minLength", 0)):
            text += f" {self._word()}"
        return text[: cast("int", schema.get("maxLength", len(text)))]

    def _word(self) -> str:
        return WORDS[next(self._draws) % len(WORDS)]

    def _resolve(self, reference: object) -> object:
        target: object = self._root
        for step in str(reference).removeprefix("#").split("/")[1:]:
            if not isinstance(target, dict) or step not in target:
                raise UnsatisfiableSchemaError(f"nothing at $ref {reference!r}")
            target = target[step]
        return target


def _refuse_unknown(schema: Schema) -> None:
    for keyword in schema:
        if keyword not in KNOWN:
            raise UnsatisfiableSchemaError(f"the simulator cannot satisfy {keyword!r}")


def _type_of(schema: Schema) -> object:
    named = schema.get("type")
    if isinstance(named, list):
        return next((name for name in named if name != "null"), "null")
    if named is None:
        return "object" if "properties" in schema else "string"
    return named


def _bounds(schema: Schema) -> tuple[float, float]:
    low = cast("float | None", schema.get("minimum", schema.get("exclusiveMinimum")))
    high = cast("float | None", schema.get("maximum", schema.get("exclusiveMaximum")))
    if low is None:
        low = 0 if high is None or high > 0 else high - 100
    return low, low + 100 if high is None else high


def _of_format(name: str) -> str:
    if name not in FORMATS:
        raise UnsatisfiableSchemaError(f"the simulator cannot satisfy format {name!r}")
    return FORMATS[name]
