"""Joins ports to adapters, once, in one function that takes fakes as arguments."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared import catalog as facts
from shared.adapters import provider_keys
from shared.adapters.aws_json import Timeouts
from shared.adapters.dynamodb import wire
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.dynamodb.store import DynamoStore
from shared.adapters.egress import Egress
from shared.adapters.provider_keys import SecretsManagerKeys
from shared.adapters.telemetry import PowertoolsMeter
from shared.adapters.upstream import HttpUpstream, egress_client
from shared.catalog import Catalog
from shared.catalog.aws_prices import load_own_cost
from shared.clock import Clock, offset_clock, system_clock, utc
from shared.domain.crossing import FORMATS
from shared.domain.request_ids import RANDOM_BYTES, request_id
from shared.ports import Ledger, Meter, Store, Upstream
from shared.settings import RouterSettings
from shared.usecases.admission import Admission
from shared.usecases.answer_call import AnswerCall
from shared.usecases.attempts import Attempts
from shared.usecases.background import Background
from shared.usecases.call_facts import Policy
from shared.usecases.holding import Holding, HoldPolicy
from shared.usecases.idempotency import Idempotency
from shared.usecases.pricing import Pricing
from shared.usecases.provider_call import Patience, ProviderCaller
from shared.usecases.route import ModelRouter
from shared.usecases.settling import Function, Settler
from shared.usecases.standing import StandingOf

_TIMEOUTS: Final = Timeouts(connect=1, read=2)
"""A store that does not answer within seconds is down: the call fails closed."""


@dataclass(frozen=True)
class Router:
    """What the router's doors need."""

    settings: RouterSettings
    catalog: Catalog
    clock: Clock
    meter: Meter
    admission: Admission
    answer: AnswerCall
    holding: Holding
    upstream: Upstream
    store: Store
    background: Background
    ledger: Ledger
    new_request_id: Callable[[], str]


def build_router(
    settings: RouterSettings,
    *,
    clock: Clock | None = None,
    stores: tuple[Store, Ledger] | None = None,
    upstream: Upstream | None = None,
    meter: Meter | None = None,
) -> Router:
    """Build the router from its settings; every part of the outside world can be replaced."""
    clock = clock or _clock(settings)
    meter = meter or PowertoolsMeter(settings.environment, clock, service="router")
    catalog = facts.load(settings.providers)
    store, ledger = _stores(settings, meter) if stores is None else stores
    upstream = upstream or _upstream(settings, catalog, clock, meter)
    background = Background(lambda error: _report_crash(meter, error))
    admission = Admission(store, clock, settings.environment)
    holding = Holding(ledger, clock, _hold_policy(settings), time.sleep)
    pricing = Pricing(catalog, settings.baseline_model)
    function = Function(load_own_cost(utc(clock()).date()), settings.memory_mb)
    settler = Settler(store, holding, meter, catalog, clock, pricing, function)
    attempts = Attempts(
        store=store,
        holding=holding,
        caller=ProviderCaller(upstream, meter, clock, _patience(settings)),
        settler=settler,
        catalog=catalog,
        formats=FORMATS,
        meter=meter,
        clock=clock,
    )
    answer = AnswerCall(
        policy=Policy(settings.environment, settings.policy_version),
        catalog=catalog,
        store=store,
        admission=admission,
        idempotency=Idempotency(store, meter, clock),
        standing_of=StandingOf(holding),
        router=ModelRouter(catalog, clock),
        attempts=attempts,
        settler=settler,
        meter=meter,
        background=background,
        clock=clock,
        keep_alive_seconds=settings.keep_alive_seconds,
    )
    return Router(
        settings=settings,
        catalog=catalog,
        clock=clock,
        meter=meter,
        admission=admission,
        answer=answer,
        holding=holding,
        upstream=upstream,
        store=store,
        background=background,
        ledger=ledger,
        new_request_id=lambda: request_id(clock(), secrets.token_bytes(RANDOM_BYTES)),
    )


def _patience(settings: RouterSettings) -> Patience:
    return Patience(
        whole=settings.whole_answer_seconds,
        first_byte=settings.first_byte_seconds,
        stall=settings.stall_seconds,
    )


def _clock(settings: RouterSettings) -> Clock:
    return offset_clock(settings.clock_path) if settings.clock_path else system_clock


def _stores(settings: RouterSettings, meter: Meter) -> tuple[Store, Ledger]:
    client, report = wire.connect(_TIMEOUTS), _reporter(meter)
    store = DynamoStore(
        client,
        cache_table=settings.cache_table,
        ledger_table=settings.ledger_table,
        report=report,
    )
    return store, DynamoLedger(client, settings.ledger_table, report)


def _hold_policy(settings: RouterSettings) -> HoldPolicy:
    return HoldPolicy(settings.budgets, settings.max_share_percent, settings.key_limits)


def _upstream(settings: RouterSettings, catalog: Catalog, clock: Clock, meter: Meter) -> Egress:
    keys = SecretsManagerKeys(
        provider_keys.connect(_TIMEOUTS),
        settings.provider_secrets,
        clock,
        _reporter(meter),
    )
    http = HttpUpstream(egress_client(), keys, stand_in=settings.upstream_url)
    by_protocol: dict[str, Upstream] = {"openai-chat": http, "anthropic-messages": http}
    if any(each.protocol == "bedrock-converse" for each in catalog.providers.values()):
        by_protocol["bedrock-converse"] = _bedrock(settings)
    return Egress(by_protocol)


def _bedrock(settings: RouterSettings) -> Upstream:
    # Imported only where it is enabled: its translation is eight modules of every cold start.
    from shared.adapters.providers.bedrock import BedrockUpstream, connect_to  # noqa: PLC0415

    return BedrockUpstream(connect_to(settings.upstream_url))


def _reporter(meter: Meter) -> Callable[[str, str], None]:
    return lambda operation, code: meter.trouble("store", operation=operation, code=code)


def _report_crash(meter: Meter, error: BaseException) -> None:
    """Name the error and its place, once; its text may hold what a caller sent."""
    if getattr(error, "is_reported", False):
        return
    error.is_reported = True  # type: ignore[attr-defined]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
    meter.trouble("crash", error=type(error).__name__, where=where)
