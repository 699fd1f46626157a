"""Joins ports to adapters, once, in one function that takes fakes as arguments."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

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
from shared.settings import CallSettings, RouterSettings
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

if TYPE_CHECKING:
    from shared.batch_wiring import BatchStores
    from shared.deferral_wiring import Deferral
    from shared.ports import Blobs, JobQueue, JobStore
    from shared.usecases.batches.desk import BatchDesk
    from shared.usecases.files import Files

TIMEOUTS: Final = Timeouts(connect=1, read=2)
"""A store that does not answer within seconds is down: the call fails closed."""


@dataclass(frozen=True)
class Calls:
    """What it takes to call providers, in any function."""

    catalog: Catalog
    clock: Clock
    meter: Meter
    store: Store
    ledger: Ledger
    upstream: Upstream
    holding: Holding
    pricing: Pricing
    settler: Settler
    attempts: Attempts


@dataclass(frozen=True)
class Router:
    """What the router's doors need."""

    settings: RouterSettings
    calls: Calls
    admission: Admission
    answer: AnswerCall
    background: Background
    new_request_id: Callable[[], str]
    make_files: Callable[[], Files]
    make_batches: Callable[[], BatchDesk]
    make_deferral: Callable[[], Deferral]

    @property
    def catalog(self) -> Catalog:
        """What is known of models."""
        return self.calls.catalog

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.calls.clock

    @property
    def meter(self) -> Meter:
        """Where log lines and metrics go."""
        return self.calls.meter

    @property
    def store(self) -> Store:
        """The cache and the keys."""
        return self.calls.store

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.calls.ledger

    @property
    def holding(self) -> Holding:
        """Who holds money."""
        return self.calls.holding

    @property
    def upstream(self) -> Upstream:
        """The way to providers."""
        return self.calls.upstream

    @cached_property
    def files(self) -> Files:
        """Files and uploads, made when they are first asked for: S3's client is slow to make."""
        return self.make_files()

    @cached_property
    def batches(self) -> BatchDesk:
        """Callers' batches, made when they are first asked for."""
        return self.make_batches()

    @cached_property
    def deferral(self) -> Deferral:
        """Deferred calls, made when the first one comes."""
        return self.make_deferral()


def build_router(
    settings: RouterSettings,
    *,
    clock: Clock | None = None,
    stores: tuple[Store, Ledger] | None = None,
    upstream: Upstream | None = None,
    meter: Meter | None = None,
    batch_stores: BatchStores | None = None,
    job_stores: tuple[JobStore, JobQueue] | None = None,
) -> Router:
    """Build the router from its settings; every part of the outside world can be replaced."""
    calls = build_calls(
        settings, "router", clock=clock, stores=stores, upstream=upstream, meter=meter
    )
    clock, meter, store = calls.clock, calls.meter, calls.store
    background = Background(lambda error: _report_crash(meter, error))
    admission = Admission(store, clock, settings.environment)
    answer = AnswerCall(
        policy=Policy(settings.environment, settings.policy_version),
        catalog=calls.catalog,
        store=store,
        admission=admission,
        idempotency=Idempotency(store, meter, clock),
        standing_of=StandingOf(calls.holding),
        router=ModelRouter(calls.catalog, clock),
        attempts=calls.attempts,
        settler=calls.settler,
        meter=meter,
        background=background,
        clock=clock,
        keep_alive_seconds=settings.keep_alive_seconds,
    )
    return Router(
        settings=settings,
        calls=calls,
        admission=admission,
        answer=answer,
        background=background,
        new_request_id=lambda: request_id(clock(), secrets.token_bytes(RANDOM_BYTES)),
        make_files=lambda: _files(settings, calls, batch_stores),
        make_batches=lambda: _batches(settings, calls, batch_stores),
        make_deferral=lambda: _deferral(settings, calls, admission, job_stores),
    )


def build_calls(
    settings: CallSettings,
    service: str,
    *,
    clock: Clock | None = None,
    stores: tuple[Store, Ledger] | None = None,
    upstream: Upstream | None = None,
    meter: Meter | None = None,
) -> Calls:
    """Build what calls providers; ``service`` is the function's name in its log."""
    clock = clock or _clock(settings)
    meter = meter or PowertoolsMeter(settings.environment, clock, service=service)
    catalog = facts.load(settings.providers)
    store, ledger = _stores(settings, meter) if stores is None else stores
    upstream = upstream or _upstream(settings, catalog, clock, meter)
    holding = Holding(ledger, clock, hold_policy(settings), time.sleep)
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
    return Calls(
        catalog=catalog,
        clock=clock,
        meter=meter,
        store=store,
        ledger=ledger,
        upstream=upstream,
        holding=holding,
        pricing=pricing,
        settler=settler,
        attempts=attempts,
    )


def _deferral(
    settings: RouterSettings,
    calls: Calls,
    admission: Admission,
    stores: tuple[JobStore, JobQueue] | None,
) -> Deferral:
    from shared.deferral_wiring import build_deferral  # noqa: PLC0415

    return build_deferral(settings, calls, admission, stores)


def _files(settings: RouterSettings, calls: Calls, stores: BatchStores | None) -> Files:
    # Imported at the first call that has to do with files: few callers send any.
    from shared import batch_wiring  # noqa: PLC0415

    return batch_wiring.build_files(stores or batch_wiring.batch_stores(settings, calls), calls)


def _batches(settings: RouterSettings, calls: Calls, stores: BatchStores | None) -> BatchDesk:
    from shared import batch_wiring  # noqa: PLC0415

    stores = stores or batch_wiring.batch_stores(settings, calls)
    return batch_wiring.build_batch_desk(settings, calls, stores)


def blobs_of(settings: CallSettings, meter: Meter) -> Blobs:
    """Return the files in the bucket."""
    # Imported late by the router: S3's model takes longer to read than most calls take.
    from botocore.config import Config  # noqa: PLC0415

    from shared.adapters import aws  # noqa: PLC0415
    from shared.adapters.blobs import S3Blobs  # noqa: PLC0415

    s3 = aws.client("s3", Config(connect_timeout=2, read_timeout=30))
    return S3Blobs(s3, settings.batches_bucket, reporter(meter))


def _report_crash(meter: Meter, error: BaseException) -> None:
    # Imported where something has crashed: no start waits for it.
    from shared.usecases.crashes import report_crash  # noqa: PLC0415

    report_crash(meter, error)


def _patience(settings: CallSettings) -> Patience:
    return Patience(
        whole=settings.whole_answer_seconds,
        first_byte=settings.first_byte_seconds,
        stall=settings.stall_seconds,
    )


def _clock(settings: CallSettings) -> Clock:
    return offset_clock(settings.clock_path) if settings.clock_path else system_clock


def _stores(settings: CallSettings, meter: Meter) -> tuple[Store, Ledger]:
    client, report = wire.connect(TIMEOUTS), reporter(meter)
    store = DynamoStore(
        client,
        cache_table=settings.cache_table,
        ledger_table=settings.ledger_table,
        report=report,
    )
    return store, DynamoLedger(client, settings.ledger_table, report)


def hold_policy(settings: CallSettings) -> HoldPolicy:
    """Return what budgets start with, and what bounds one call."""
    return HoldPolicy(settings.budgets, settings.max_share_percent, settings.key_limits)


def _upstream(settings: CallSettings, catalog: Catalog, clock: Clock, meter: Meter) -> Egress:
    http = HttpUpstream(
        egress_client(), keys_of(settings, clock, meter), stand_in=settings.upstream_url
    )
    by_protocol: dict[str, Upstream] = {"openai-chat": http, "anthropic-messages": http}
    if any(each.protocol == "bedrock-converse" for each in catalog.providers.values()):
        by_protocol["bedrock-converse"] = _bedrock(settings)
    return Egress(by_protocol)


def keys_of(settings: CallSettings, clock: Clock, meter: Meter) -> SecretsManagerKeys:
    """Return the providers' keys."""
    return SecretsManagerKeys(
        provider_keys.connect(TIMEOUTS), settings.provider_secrets, clock, reporter(meter)
    )


def _bedrock(settings: CallSettings) -> Upstream:
    # Imported only where it is enabled: its translation is eight modules of every cold start.
    from shared.adapters.providers.bedrock import BedrockUpstream, connect_to  # noqa: PLC0415

    return BedrockUpstream(connect_to(settings.upstream_url))


def reporter(meter: Meter) -> Callable[[str, str], None]:
    """Return where adapters tell what AWS refused."""
    return lambda operation, code: meter.trouble("store", operation=operation, code=code)
