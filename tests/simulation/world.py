"""One world: a plan, a scheme, chance, and a judge who looks after every step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from shared.domain.errors import BudgetExceeded, KeyLimited, StoreUnavailable
from tests.simulation.calls import Calls, Service
from tests.simulation.dice import dice
from tests.simulation.faults import PROVIDER_FAULTS, Fault, Faults, RandomFaults
from tests.simulation.judge import Broken, Judge
from tests.simulation.operators import Operator
from tests.simulation.orders import Bounds, Order
from tests.simulation.plans import TEAMS, CallerPlan, Plan
from tests.simulation.scheduler import Clock, Crash, Scheduler, Task, TaskBroke
from tests.simulation.schemes import HoldingScheme, Process, Scheme, Ticket
from tests.simulation.small_dynamo import SmallDynamo
from tests.simulation.trace import Trace
from tests.simulation.view import Call

SchemeType = Callable[[Process, Bounds], Scheme]
_SWEEPS = 4


def new_client() -> Any:
    """Return a boto3 client that reaches nobody until a world answers for it."""
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - no secret
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


_client: list[Any] = []


class World:
    """Runs one plan to its end; raises what rule was broken, with the seed and the last steps."""

    def __init__(
        self,
        plan: Plan,
        faults: Faults | None = None,
        service: Service | None = None,
        scheme_type: SchemeType = HoldingScheme,
        judge_type: type[Judge] = Judge,
    ) -> None:
        self.plan = plan
        self.trace = Trace()
        self.unavailable: list[Call] = []
        """The orders that were told that the ledger cannot be reached."""
        self.service = service or SmallDynamo()
        clock = Clock(plan.start, plan.focus.leaps)
        self.judge = judge_type(plan.bounds, clock)
        self._clock = clock
        self._scheme_type = scheme_type
        self._scheduler = Scheduler(dice(f"order {plan.seed}"), clock, self._look)
        chance = dice(f"faults {plan.seed}")
        self.calls = Calls(
            self.service,
            self._scheduler,
            faults or RandomFaults(chance, plan.fault_rate, plan.focus.faults),
            chance,
            lambda *step: self.trace.add(clock.now, *step),
            honours_tokens=plan.honours_tokens,
        )

    def run(self) -> World:
        """Run to the end and return this world for inspection."""
        try:
            self._begin()
            self._scheduler.run()
            self._finish()
        except (Broken, AssertionError) as error:
            raise type(error)(f"{error}\n{self.trace.told(self.plan.seed)}") from error
        return self

    def _begin(self) -> None:
        if not _client:
            _client.append(new_client())
        _client[0]._make_api_call = self.calls.send
        for caller in self.plan.callers:
            self.judge.orders |= {order.call: order for order in caller.orders}
        for caller in self.plan.callers:
            self._add(caller.name, caller.skew, partial(self._call, caller))
        for number, skew in enumerate(self.plan.sweeper_skews):
            self._add(f"sweeper {number}", skew, self._sweep)
        if self.plan.operator_changes:
            self._add("operator", 0.0, self._operate)

    def _finish(self) -> None:
        """Sweep once more, by a right clock, after all that was still on its way has arrived."""
        last = [hold.expires_at for hold in self.judge.view.holds.values()]
        self._clock.now = max([self._clock.now, *last]) + 2
        scheme = self._scheme(None)
        for team in TEAMS:
            try:
                scheme.sweep(team)
            except StoreUnavailable:
                raise Broken(f"the holds of {team} cannot be swept") from None
        self._look()
        self.judge.check_end()

    def _look(self) -> None:
        self.judge.look(self.service.items())

    def _add(self, name: str, skew: float, work: Callable[[Task], None]) -> None:
        self._scheduler.add(Task(name, skew, work))

    def _scheme(self, task: Task | None) -> Scheme:
        return self._scheme_type(self._process(task), self.plan.bounds)

    def _process(self, task: Task | None) -> Process:
        return Process(
            client=_client[0],
            clock=lambda: self._clock.now + (task.skew if task else 0.0),
            pause=self._pause,
            report=self.trace.report,
            notice=self.trace.notice,
        )

    def _pause(self, seconds: float) -> None:
        self._clock.now += seconds
        self._scheduler.hand_over()

    def _call(self, caller: CallerPlan, task: Task) -> None:
        scheme = self._scheme(task)
        for number, order in enumerate(caller.orders):
            ticket = self._reserve(scheme, order, task)
            if ticket is None:
                continue
            if not self._provide(order, ticket, task) or number in caller.gives_up:
                continue
            self._settle(scheme, order, ticket)

    def _reserve(self, scheme: Scheme, order: Order, task: Task) -> Ticket | None:
        self._scheduler.hand_over()
        faults_before = self.trace.faults(task.name)
        self.judge.wants(order, task)
        try:
            ticket = scheme.reserve(order)
        except (BudgetExceeded, KeyLimited) as error:
            self.trace.say(task.name, f"{order.call} is refused: {type(error).__name__}")
            self.trace.notice(type(error).__name__)
            self.judge.refused(order.call, str(error))
        except StoreUnavailable:
            faults = self.trace.faults(task.name) - faults_before
            self.judge.unavailable(order.call, faults)
            self.unavailable.append(order.call)
        else:
            self.judge.decided(order.call)
            return ticket
        return None

    def _provide(self, order: Order, ticket: Ticket, task: Task) -> bool:
        """Call the provider; returns whether its answer arrived."""
        self._scheduler.hand_over()
        fault = self.calls.next_fault(PROVIDER_FAULTS)
        self.trace.say(task.name, f"provider call of {order.call} at {order.cost}: {fault.name}")
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault is not Fault.LOST:
            self.judge.provider_called(order, ticket.day)
        if fault is Fault.CRASH_AFTER:
            raise Crash
        return fault is Fault.NONE

    def _settle(self, scheme: Scheme, order: Order, ticket: Ticket) -> None:
        try:
            scheme.settle(order, ticket)
        except StoreUnavailable:
            return
        self._look()
        self.judge.settled(order)

    def _sweep(self, task: Task) -> None:
        scheme = self._scheme(task)
        for _ in range(_SWEEPS):
            self._pause(20.0)
            for team in TEAMS:
                try:
                    scheme.sweep(team)
                except StoreUnavailable:
                    continue

    def _operate(self, task: Task) -> None:
        share = self.plan.focus.environment_share
        chance = dice(f"operator {self.plan.seed}")
        operator = Operator(self._process(task), self.plan.bounds, chance, share)
        for _ in range(self.plan.operator_changes):
            self._pause(10.0)
            operator.change()


__all__ = ["Broken", "TaskBroke", "World"]
