"""Joins ports to adapters, once, in one function that takes fakes as arguments."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, Final

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

if TYPE_CHECKING:
    from shared.ports import Blobs, CallerBatches, FileStore, JobQueue
    from shared.usecases.batches.desk import BatchDesk
    from shared.usecases.batches.machinery import Taking
    from shared.usecases.files import Files

    BatchStores = tuple[FileStore, Blobs, CallerBatches, JobQueue]

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
    make_files: Callable[[], Files]
    make_batches: Callable[[Files], BatchDesk]

    @cached_property
    def files(self) -> Files:
        """Files and uploads, made when they are first asked for: S3's client is slow to make."""
        return self.make_files()

    @cached_property
    def batches(self) -> BatchDesk:
        """Callers' batches, made when they are first asked for."""
        return self.make_batches(self.files)


def build_router(
    settings: RouterSettings,
    *,
    clock: Clock | None = None,
    stores: tuple[Store, Ledger] | None = None,
    upstream: Upstream | None = None,
    meter: Meter | None = None,
    batch_stores: BatchStores | None = None,
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
    make_stores = cache(lambda: batch_stores or _batch_stores(settings, meter))
    taking = partial(
        _taking, settings, ledger, store=store, catalog=catalog, pricing=pricing, settler=settler,
        meter=meter, clock=clock,
    )  # fmt: skip
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
        make_files=lambda: _files(make_stores(), clock),
        make_batches=lambda files: _batch_desk(files, make_stores(), taking),
    )


def _files(stores: BatchStores, clock: Clock) -> Files:
    # Imported at the first call that has to do with files: few callers send any.
    from shared.usecases.files import Files  # noqa: PLC0415

    rows, blobs, *_ = stores
    return Files(rows, blobs, clock, secrets.token_bytes)


def _batch_desk(files: Files, stores: BatchStores, taking: Callable[..., Taking]) -> BatchDesk:
    from shared.usecases.batches.desk import BatchDesk  # noqa: PLC0415
    from shared.usecases.batches.machinery import batch_taker  # noqa: PLC0415

    _, blobs, batches, queue = stores
    parts = taking(batches=batches, blobs=blobs)
    return BatchDesk(
        batches=batches,
        files=files,
        blobs=blobs,
        queue=queue,
        store=parts.store,
        taker=batch_taker(parts),
        price_version=parts.catalog.price_version,
        clock=parts.clock,
        random=secrets.token_bytes,
    )


def _taking(settings: RouterSettings, ledger: Ledger, **parts: Any) -> Taking:
    from shared.usecases.batches.machinery import Taking  # noqa: PLC0415
    from shared.usecases.call_facts import CallFacts  # noqa: PLC0415

    policy = Policy(settings.environment, settings.policy_version)
    # One batch may take all that a budget has left: it is many calls.
    own = dataclasses.replace(_hold_policy(settings), max_share_percent=100)
    return Taking(
        environment=settings.environment,
        holding=Holding(ledger, parts["clock"], own, time.sleep),
        facts=CallFacts(policy, parts["catalog"], parts["clock"]),
        **parts,
    )


def _batch_stores(settings: RouterSettings, meter: Meter) -> BatchStores:
    from botocore.config import Config  # noqa: PLC0415

    from shared.adapters import aws  # noqa: PLC0415
    from shared.adapters.blobs import S3Blobs  # noqa: PLC0415
    from shared.adapters.dynamodb.caller_batches import DynamoCallerBatches  # noqa: PLC0415
    from shared.adapters.dynamodb.files import DynamoFiles  # noqa: PLC0415
    from shared.adapters.job_queue import SqsJobQueue  # noqa: PLC0415

    report, patient = _reporter(meter), Config(connect_timeout=2, read_timeout=30)
    table, rows = settings.jobs_table, wire.connect(_TIMEOUTS)
    return (
        DynamoFiles(rows, table, report),
        S3Blobs(aws.client("s3", patient), settings.batches_bucket, report),
        DynamoCallerBatches(rows, table, report),
        SqsJobQueue(aws.client("sqs", patient), settings.jobs_queue, report),
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
