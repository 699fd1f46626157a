"""Joins ports to adapters for the budget guard.

Apart from the router's wiring, so that the guard's zip holds neither a web server nor the client
that talks to providers.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import urllib3
from botocore.config import Config

from shared.adapters.aws import client
from shared.adapters.bounded_http import bounded_http
from shared.adapters.dynamodb.budget_admin import DynamoBudgetAdmin
from shared.adapters.dynamodb.keys import DynamoKeyAdmin
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.dynamodb.notices import DynamoNotices
from shared.adapters.dynamodb.spenders import DynamoSpenders
from shared.adapters.guard_telemetry import PowertoolsGuardMeter
from shared.adapters.metric_totals import CloudWatchTotals
from shared.adapters.people_topic import PeopleTopic
from shared.adapters.stack_alarms import CloudWatchAlarms
from shared.adapters.webhook_secret import SecretHooks
from shared.adapters.webhooks import BadWebhooks, Hooks, Unreadable, Webhook, parse_hooks
from shared.catalog import load, served_providers
from shared.clock import Clock, offset_clock, system_clock, utc
from shared.domain.api_keys import KeyLimits
from shared.domain.notices.wording import Place
from shared.ports.notices import Channel
from shared.resources import resource_name
from shared.settings import GuardSettings
from shared.usecases.budget_admin import Budgets
from shared.usecases.budget_audit import Audit, Sweep
from shared.usecases.guarding import Guard
from shared.usecases.guarding.daily_audit import DailyAudit, DailyGap
from shared.usecases.guarding.delivery import Delivery
from shared.usecases.guarding.telling import Telling
from shared.usecases.holding import Holding, HoldPolicy

_PATIENT: Final = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 3})
"""Nobody waits for the guard; what it cannot do now is tried again in minutes."""
_BRIEF: Final = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2})
"""A message does not wait for who spent it."""
_ONCE: Final = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
"""A publish that is sent again is read twice."""


@dataclass(frozen=True)
class BudgetGuard:
    """What the guard's handler needs."""

    guard: Guard
    audit: DailyAudit
    gap: DailyGap
    clock: Clock


def build_guard(settings: GuardSettings) -> BudgetGuard:
    """Build the guard from its settings."""
    clock = offset_clock(settings.clock_path) if settings.clock_path else system_clock
    meter = PowertoolsGuardMeter(settings.environment, clock, service="budget-guard")

    def report(operation: str, code: str) -> None:
        meter.trouble("store", operation=operation, code=code)

    table, dynamodb = settings.ledger_table, client("dynamodb", _PATIENT)
    ledger = DynamoLedger(dynamodb, table, report)
    admin = DynamoBudgetAdmin(dynamodb, table)
    notices = DynamoNotices(dynamodb, table, report)
    new_id = partial(secrets.token_hex, 8)
    delivery = Delivery(
        notices=notices,
        channels=_channels(settings, clock),
        meter=meter,
        clock=clock,
        new_id=new_id,
    )
    cloudwatch = client("cloudwatch", _PATIENT)
    prefix = resource_name(settings.environment, "")
    policy = HoldPolicy(settings.budgets, max_share_percent=100, key_limits=KeyLimits())
    place = Place(_where(settings), settings.runbook)
    guard = Guard(
        Telling(
            environment=settings.environment,
            place=place,
            notices=notices,
            spenders=DynamoSpenders(client("dynamodb", _BRIEF), table, report, time.monotonic),
            meter=meter,
            clock=clock,
            new_id=new_id,
        ),
        budgets=Budgets(
            ledger=ledger,
            admin=admin,
            keys=DynamoKeyAdmin(dynamodb, table),
            seeds=lambda: settings.budgets,
            caller=lambda: "budget guard",
            clock=clock,
            pause=time.sleep,
        ),
        sweep=Sweep(
            Holding(ledger, clock, policy, time.sleep, charged=meter.charged),
            admin,
            time.monotonic,
        ),
        alarms=CloudWatchAlarms(cloudwatch, prefix, settings.alarm_topic),
        delivery=delivery,
    )
    audit = DailyAudit(
        environment=settings.environment,
        place=place,
        audit=Audit(ledger, admin, clock),
        price_age_days=_price_age_days,
        notices=notices,
        delivery=delivery,
        meter=meter,
        clock=clock,
    )
    totals = CloudWatchTotals(cloudwatch, settings.environment)
    gap = DailyGap(admin=admin, totals=totals, notices=notices, meter=meter, clock=clock)
    return BudgetGuard(guard, audit, gap, clock)


def _where(settings: GuardSettings) -> str:
    """Return how an operator's commands name the stack."""
    return f"--{'local' if settings.clock_path else 'stack'} {settings.environment}"


def _channels(settings: GuardSettings, clock: Clock) -> Callable[[], Sequence[Channel]]:
    """Return what asks for the ways to people, as the secret names them at the time."""
    people = PeopleTopic(client("sns", _ONCE), settings.people_topic)
    if settings.webhook_secret is None:
        return lambda: [people]
    hosts, is_local = settings.webhook_hosts, settings.clock_path is not None
    parse = partial(parse_hooks, hosts=hosts, is_local=is_local)
    secret = SecretHooks(client("secretsmanager", _PATIENT), settings.webhook_secret, parse, clock)
    http = bounded_http()
    return lambda: [people, *_webhooks(secret, clock, http)]


def _webhooks(
    secret: SecretHooks[Hooks], clock: Clock, http: urllib3.PoolManager
) -> Sequence[Channel]:
    try:
        hooks = secret.read()
    except BadWebhooks as error:
        return [Unreadable(str(error))]
    return [Webhook(hook, hooks.signing_secret, clock, http) for hook in hooks.webhooks]


def _price_age_days(now: float) -> int:
    return load(tuple(sorted(served_providers()))).price_age_days(utc(now))
