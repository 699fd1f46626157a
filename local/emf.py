"""CloudWatch's embedded metric format: one JSON log line that is also metrics. Pure.

Source: Amazon CloudWatch user guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MAX_DIMENSIONS = 30
MAX_VALUES = 100


class EmfError(ValueError):
    """A line claims to be EMF (it has ``_aws``) but CloudWatch could not read it."""


@dataclass(frozen=True)
class Datum:
    """One value of one metric under one set of dimensions."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str
    value: float
    at: datetime

    @property
    def identity(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What makes two values one metric: CloudWatch does not add up over dimension sets."""
        return self.namespace, self.name, self.dimensions


@dataclass
class Series:
    """All values so far of one metric under one set of dimensions."""

    first: Datum
    values: int = 0
    total: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf

    def add(self, value: float) -> None:
        """Count one value."""
        self.values += 1
        self.total += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)

    def shown(self) -> dict[str, object]:
        """Return the series as JSON shows it."""
        return {
            "namespace": self.first.namespace,
            "name": self.first.name,
            "dimensions": dict(self.first.dimensions),
            "unit": self.first.unit,
            "count": self.values,
            "sum": self.total,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }


def data_of(line: str) -> list[Datum]:
    """Return the metric values in a log line: none for a line that is not EMF.

    Raises :class:`EmfError` for a line with an ``_aws`` key that does not follow the format, and
    for one whose text starts like it but is not JSON.
    """
    if '"_aws"' not in line:
        return []
    try:
        root = json.loads(line)
    except ValueError as error:
        raise EmfError(f"not JSON: {error}") from error
    if not isinstance(root, dict) or "_aws" not in root:
        return []
    try:
        return list(_data(root))
    except (KeyError, TypeError, AttributeError) as error:
        raise EmfError(f"malformed _aws: {error!r}") from error


def _data(root: Mapping[str, Any]) -> Iterator[Datum]:
    at = datetime.fromtimestamp(root["_aws"]["Timestamp"] / 1000, tz=UTC)
    for directive in root["_aws"]["CloudWatchMetrics"]:
        for names in directive.get("Dimensions", [[]]):
            dimensions = _dimensions(root, names)
            for metric in directive["Metrics"]:
                for value in _values(root, metric["Name"]):
                    yield Datum(
                        namespace=directive["Namespace"],
                        name=metric["Name"],
                        dimensions=dimensions,
                        unit=metric.get("Unit", "None"),
                        value=value,
                        at=at,
                    )


def _dimensions(root: Mapping[str, Any], names: list[str]) -> tuple[tuple[str, str], ...]:
    if len(names) > MAX_DIMENSIONS:
        raise EmfError(f"{len(names)} dimensions, CloudWatch takes {MAX_DIMENSIONS}")
    for name in names:
        if not isinstance(root.get(name), str):
            raise EmfError(f"dimension {name} is not a string in the line")
    return tuple((name, root[name]) for name in names)


def _values(root: Mapping[str, Any], name: str) -> list[float]:
    given = root.get(name)
    values = given if isinstance(given, list) else [given]
    if len(values) > MAX_VALUES:
        raise EmfError(f"metric {name} has {len(values)} values, CloudWatch takes {MAX_VALUES}")
    return [_number(name, value) for value in values]


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EmfError(f"metric {name} has no number in the line")
    return float(value)
