"""The plain functions of a stack and what brings them events: schedules and queues.

Each function is a pool that is empty until its first event.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from local import declared, declared_events
from local.async_events import AsyncEvents
from local.declared import Function
from local.declared_events import Queue
from local.functions import Functions
from local.ground import DeployedStack
from local.handler_instance import start_handler_instance
from local.instance import Launch
from local.instance_pool import InstancePool, PoolLimits
from local.invoked import Observer, nobody
from local.plain_function import PlainFunction
from local.queue_poller import QueuePoller
from local.role_clients import RoleClients
from local.scheduler import Scheduler
from shared.clock import Clock

MAXIMUM = 6
"""Instances of one function at most, where the program reserves no other number."""
WAITING = 100


@dataclass(frozen=True)
class Surroundings:
    """What the functions of a stack live in: how they start, what time it is, who is told."""

    launch: Callable[[Function], Launch]
    clock: Clock
    report: Callable[[str], None]
    observe: Observer = nobody
    periods: Mapping[str, float] = field(default_factory=dict)
    """In seconds, by the names of schedules that run more often here than they are declared to."""


@dataclass(frozen=True)
class LiveFunctions:
    """A stack's plain functions with its schedules, queues and mappings at work."""

    deployed: DeployedStack
    functions: Functions
    scheduler: Scheduler
    pollers: tuple[QueuePoller, ...]
    queues: tuple[Queue, ...]

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """Return what has to run as long as the stack does."""
        return [self.scheduler.run(), *(poller.run() for poller in self.pollers)]

    def shown_functions(self) -> list[dict[str, object]]:
        """Return the functions as JSON shows them."""
        return [self._shown_function(each) for each in self.functions.plain]

    def shown_schedules(self) -> list[dict[str, object]]:
        """Return the schedules as JSON shows them."""
        return [running.shown() for running in self.scheduler.running]

    def shown_queues(self) -> list[dict[str, object]]:
        """Ask the local AWS for the depths of the queues; blocks."""
        return [self._shown_queue(queue) for queue in self.queues]

    def _shown_function(self, plain: PlainFunction) -> dict[str, object]:
        function = plain.function
        return {
            "function": function.name,
            "arn": function.invoked_arn,
            "timeout_seconds": function.timeout_seconds,
            "memory_mb": function.memory_mb,
            "instances": [
                {"pid": each.pid, "served": each.served, "stopped": each.stopped}
                for each in plain.pool.instances
            ],
            "events_under_way": self.functions.events.waiting(function.name),
        }

    def _shown_queue(self, queue: Queue) -> dict[str, object]:
        dead = next((each for each in self.queues if each.arn == queue.dead_letter_arn), None)
        return {
            "queue": queue.name,
            **self._depths(queue),
            "dead_letter_queue": dead and dead.name,
            "dead_letters": dead and self._depths(dead)["visible"],
            "mappings": [each.shown() for each in self.pollers if each.source.queue == queue],
        }

    def _depths(self, queue: Queue) -> dict[str, int]:
        answer = self.deployed.admin.sqs.get_queue_attributes(
            QueueUrl=queue.url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return {
            "visible": int(answer["ApproximateNumberOfMessages"]),
            "in_flight": int(answer["ApproximateNumberOfMessagesNotVisible"]),
            "delayed": int(answer["ApproximateNumberOfMessagesDelayed"]),
        }


def functions_of(deployed: DeployedStack, around: Surroundings) -> LiveFunctions:
    """Return a stack's plain functions and their sources of events.

    No process runs before an event comes. Raises ``DeclarationError``.
    """
    resources, clients = deployed.deployment.resources, RoleClients(deployed.admin, "lambda")
    functions = Functions(
        plain=[_function(each, around) for each in declared.plain_functions(resources)],
        events=AsyncEvents(
            clients=clients,
            clock=around.clock,
            policies=declared_events.async_policies(resources),
            report=around.report,
        ),
    )
    scheduler = Scheduler(
        schedules=declared_events.schedules(resources),
        functions=functions,
        clients=RoleClients(deployed.admin, "scheduler"),
        clock=around.clock,
        report=around.report,
        periods=around.periods,
    )
    pollers = _pollers(deployed, functions, clients, around)
    queues = declared_events.queues(resources)
    return LiveFunctions(deployed, functions, scheduler, pollers, queues)


def _pollers(
    deployed: DeployedStack, functions: Functions, clients: RoleClients, around: Surroundings
) -> tuple[QueuePoller, ...]:
    return tuple(
        QueuePoller(
            source=source,
            function=(function := functions.named(source.function_arn)),
            concurrency=min(source.concurrency or MAXIMUM, _limits(function.function).maximum),
            clients=clients,
            clock=around.clock,
            report=around.report,
        )
        for source in declared_events.queue_sources(deployed.deployment.resources)
    )


def _function(function: Function, around: Surroundings) -> PlainFunction:
    launch = around.launch(function)
    pool = InstancePool(lambda: start_handler_instance(launch), _limits(function), around.report)
    return PlainFunction(function, pool, around.clock, around.report, around.observe)


def _limits(function: Function) -> PoolLimits:
    if function.concurrency is None:
        return PoolLimits(minimum=0, maximum=MAXIMUM, waiting=WAITING)
    # A declared reserve is a declared limit: what comes beyond it is throttled, as on AWS.
    return PoolLimits(minimum=0, maximum=function.concurrency, waiting=0)
