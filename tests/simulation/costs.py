"""What a call costs at DynamoDB in each scheme, with so many calls in flight in one tenant."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.lease_map import LeaseMapScheme
from tests.simulation.metered import MeteredDynamo
from tests.simulation.orders import Bounds, Order
from tests.simulation.schemes import HoldingScheme, Process
from tests.simulation.world import SchemeType, new_client

_NOON = 1_795_348_800.0
_MUCH = (10**9, 10**10)
_MEASURED = 40


@dataclass(frozen=True)
class Cost:
    """Per call, reserved and settled: round trips, write units, read units, in hundredths."""

    calls: int
    write_units: int
    read_units: int


def cost_of(scheme_type: SchemeType, in_flight: int) -> Cost:
    """Measure calls that come and go while so many others are in flight."""
    service = MeteredDynamo()
    client = new_client()
    client._make_api_call = service.carry_out
    process = Process(client, lambda: _NOON, lambda _: None, lambda *_: None)
    scheme = scheme_type(process, Bounds(_MUCH, _MUCH, _MUCH, frozenset(), 100))
    for number in range(in_flight + 20):
        order = _order(number)
        ticket = scheme.reserve(order)
        if number >= in_flight - 1:
            scheme.settle(order, ticket)
    service.calls = service.write_units = service.read_units = 0
    for number in range(1_000, 1_000 + _MEASURED):
        order = _order(number)
        scheme.settle(order, scheme.reserve(order))
    return Cost(
        *(100 * each // _MEASURED
          for each in (service.calls, service.write_units, service.read_units))
    )  # fmt: skip


def _order(number: int) -> Order:
    request_id = f"req_{number:032d}"
    return Order((request_id, 1), "red", "ra", 123_456, 34_567, 321, 345.0)


def figures() -> dict[str, list[Cost]]:
    """Return the costs of both schemes with 1, 10 and 64 calls in flight."""
    schemes: dict[str, SchemeType] = {"holds": HoldingScheme, "lease map": LeaseMapScheme}
    return {
        name: [cost_of(scheme, flying) for flying in (1, 10, 64)]
        for name, scheme in schemes.items()
    }
