"""Starts the plain functions of a stack: each a pool that is empty until its first event."""

from __future__ import annotations

from collections.abc import Callable

from local import declared, declared_events
from local.async_events import AsyncEvents
from local.declared import Function
from local.functions import Functions
from local.ground import DeployedStack
from local.handler_instance import start_handler_instance
from local.instance import Launch
from local.instance_pool import InstancePool, PoolLimits
from local.invoked import Observer, nobody
from local.plain_function import PlainFunction
from local.role_clients import RoleClients
from shared.clock import Clock

MAXIMUM = 6
"""Instances of one function at most, where the program reserves no other number."""
WAITING = 100


def functions_of(
    deployed: DeployedStack,
    launch: Callable[[Function], Launch],
    clock: Clock,
    report: Callable[[str], None],
    observe: Observer = nobody,
) -> Functions:
    """Return a stack's plain functions; no process runs before an event comes."""
    resources = deployed.deployment.resources
    plain = [
        _function(function, launch(function), clock, report, observe)
        for function in declared.plain_functions(resources)
    ]
    events = AsyncEvents(
        clients=RoleClients(deployed.admin, "lambda"),
        clock=clock,
        policies=declared_events.async_policies(resources),
        report=report,
    )
    return Functions(plain, events)


def _function(
    function: Function,
    launch: Launch,
    clock: Clock,
    report: Callable[[str], None],
    observe: Observer,
) -> PlainFunction:
    pool = InstancePool(lambda: start_handler_instance(launch), _limits(function), report)
    return PlainFunction(function, pool, clock, report, observe)


def _limits(function: Function) -> PoolLimits:
    if function.concurrency is None:
        return PoolLimits(minimum=0, maximum=MAXIMUM, waiting=WAITING)
    # A declared reserve is a declared limit: what comes beyond it is throttled, as on AWS.
    return PoolLimits(minimum=0, maximum=function.concurrency, waiting=0)
