"""Joins what it takes to call providers, in any function."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import catalog as facts
from shared.adapters import provider_keys
from shared.adapters.aws_json import Timeouts
from shared.adapters.dynamodb import wire
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.adapters.dynamodb.store import DynamoStore
from shared.adapters.provider_keys import SecretsManagerKeys
from shared.adapters.telemetry import PowertoolsMeter
from shared.adapters.upstream import Egress, HttpUpstream, egress_client
from shared.catalog import Catalog
from shared.catalog.aws_prices import load_own_cost
from shared.clock import Clock, offset_clock, system_clock, utc
from shared.domain.crossing import FORMATS
from shared.settings import CallSettings
from shared.usecases.attempts import Attempts
from shared.usecases.holding import Holding, HoldPolicy
from shared.usecases.pricing import Pricing
from shared.usecases.provider_call import Patience, ProviderCaller
from shared.usecases.settling import Function, Settler

if TYPE_CHECKING:
    from shared.ports.calls import Meter, Store, Upstream
    from shared.ports.jobs import Blobs
    from shared.ports.ledger import Ledger


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
    holding = Holding(ledger, clock, hold_policy(settings), time.sleep, charged=meter.charged)
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


def blobs_of(settings: CallSettings, meter: Meter) -> Blobs:
    """Return the files in the bucket."""
    # Imported late by the router: S3's model takes longer to read than most calls take.
    from botocore.config import Config  # noqa: PLC0415

    from shared.adapters import aws  # noqa: PLC0415
    from shared.adapters.blobs import S3Blobs  # noqa: PLC0415

    s3 = aws.client("s3", Config(connect_timeout=2, read_timeout=30))
    return S3Blobs(s3, settings.batches_bucket, reporter(meter))


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
