"""The software bill of materials: CycloneDX 1.6 as JSON (https://cyclonedx.org/docs/1.6/json/).

No serial number and no time of making, both optional: the same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from infra.bundle.wheels import Wheel, is_spdx

BILL: Final = "sluice-bundle.cdx.json"


def bill_of_materials(function: str, wheels: Iterable[Wheel]) -> bytes:
    """Return the bill of one function's zip: each wheel with its SHA-256 and its licence."""
    name = f"sluice-{function}"
    components = [_component(wheel) for wheel in wheels]
    bill = {
        "$schema": "https://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": name, "name": name}},
        "components": components,
    }
    return json.dumps(bill, indent=2).encode() + b"\n"


def _component(wheel: Wheel) -> dict[str, Any]:
    purl = f"pkg:pypi/{wheel.name}@{wheel.version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": wheel.name,
        "version": wheel.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
        "licenses": [_licence(wheel.licence)],
    }


def _licence(text: str) -> dict[str, Any]:
    return {"expression": text} if is_spdx(text) else {"license": {"name": text}}
