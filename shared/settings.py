"""The settings of the deployed functions, and the only reader of the process environment.

``infra`` writes the environment through the same field names (see :func:`as_environment`), so
a setting that one side forgets is caught by a type, not by a ``KeyError`` in production.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec

from shared.domain.api_keys import KeyLimits
from shared.domain.budgets.seeds import Seeds

PREFIX = "SLUICE_"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}\Z")]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=900)]
MiB = 1024 * 1024
RUNBOOK = "docs/runbook.md"
"""Where the runbook is if nobody says a URL: in the repository."""

_IN_JSON = frozenset({"providers", "provider_secrets", "budgets", "key_limits", "webhook_hosts"})
"""Settings that are no single value, so their text is JSON."""


class SettingsError(ValueError):
    """The environment lacks a setting or holds one that makes no sense; says which."""


class FunctionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``infra`` tells every function."""

    environment: Name
    clock_file: str | None = None
    """Set only by the local world: the file that holds the clock's offset."""

    @property
    def clock_path(self) -> Path | None:
        """The clock's offset file, where there is one."""
        return Path(self.clock_file) if self.clock_file else None


class CallSettings(FunctionSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every function that asks providers is told by ``infra``.

    ``providers`` names the enabled ones. ``provider_secrets`` maps those with a key to the ARN
    of the secret that holds it; the key itself never stands in the environment. ``jobs_queue`` is
    the URL of the queue that wakes the dispatcher.
    """

    cache_table: str
    ledger_table: str
    jobs_table: str
    batches_bucket: str
    jobs_queue: str
    providers: tuple[Name, ...]
    provider_secrets: dict[str, str]
    baseline_model: str
    budgets: Seeds = Seeds()
    """The caps that budgets start with; from then on the ledger holds them."""
    max_share_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    """How much of a budget one call may take at most."""
    memory_mb: Annotated[int, msgspec.Meta(ge=128, le=10_240)] = 512
    """What the function is billed for, to estimate what a request costs at AWS."""
    key_limits: KeyLimits = KeyLimits(in_flight=200)
    """What a key may do whose own row does not say."""
    whole_answer_seconds: Annotated[float, msgspec.Meta(gt=0, le=295)] = 280
    """All that an answer in one piece may take: API Gateway drops a connection that is silent
    for five minutes."""
    first_byte_seconds: Seconds = 60
    """How long a stream's first byte is waited for while another model could be asked."""
    stall_seconds: Seconds = 120
    """How long a stream may be silent once it has begun."""
    upstream_url: str | None = None
    """Set only by the local world: where the simulator stands in for every provider."""
    batch_speedup: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 1
    """More than 1 only in the local world: how many times as fast its batches go as on AWS."""

    def __post_init__(self) -> None:
        """Refuse a secret that nobody uses, and an upstream that is not this machine.

        Providers are named by the catalog only.
        """
        if unused := sorted(self.provider_secrets.keys() - set(self.providers)):
            raise ValueError(f"provider_secrets names {unused[0]}, which is not enabled")
        if self.upstream_url is not None and not is_loopback_url(self.upstream_url):
            raise ValueError("upstream_url may only name a loopback address")
        if self.batch_speedup > 1 and self.clock_file is None:
            raise ValueError("batch_speedup is for the local world, which has a clock file")


class RouterSettings(CallSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the router is told beside that.

    ``policy_version`` names the routing data this deployment answers by; it is part of every
    cache key.
    """

    policy_version: str
    body_limit_bytes: Annotated[int, msgspec.Meta(ge=1024, le=4 * MiB)] = MiB
    keep_alive_seconds: Annotated[float, msgspec.Meta(gt=0, le=240)] = 15
    """How often a caller is sent a comment while a provider is silent: API Gateway drops a stream
    that is idle for five minutes, and proxies are stricter."""


class WorkerSettings(CallSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the dispatcher and the collector are told beside that.

    ``policy_version`` as the router's: what they keep in the exact cache, the router finds. Only
    the collector, which tells teams of their batches, has ``webhook_secret`` and ``webhook_hosts``;
    they are the guard's.
    """

    policy_version: str
    dispatcher_concurrency: Annotated[int, msgspec.Meta(ge=1)] = 5
    """How many dispatchers there are at most, which bounds the calls that can be made at once."""
    webhook_secret: str | None = None
    webhook_hosts: tuple[str, ...] = ()


class GuardSettings(FunctionSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the budget guard is told by ``infra``.

    ``people_topic`` is the ARN of the topic that people listen to, ``alarm_topic`` of the one that
    the guard hears. ``webhook_secret`` is the ARN
    of the secret that holds the webhooks and what they are signed with, if there is one.
    """

    ledger_table: str
    people_topic: str
    alarm_topic: str
    webhook_secret: str | None = None
    webhook_hosts: tuple[str, ...] = ()
    """The only hosts that a webhook may name; in the local world, loopback beside them."""
    runbook: str = RUNBOOK
    """Where messages send people: a URL, or the file's path in the repository."""
    budgets: Seeds = Seeds()
    """The caps that unused budgets start with, as the router has them."""


def is_loopback_url(url: str) -> bool:
    """Tell whether a URL is plain HTTP to this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1"}


def as_environment(settings: FunctionSettings) -> dict[str, str]:
    """Return the environment variables that make a function read these settings back."""
    return {
        PREFIX + field.upper(): _as_text(value)
        for field, value in msgspec.structs.asdict(settings).items()
        if value is not None
    }


def router_settings(environment: Mapping[str, str] | None = None) -> RouterSettings:
    """Read the router's settings; raises :class:`SettingsError` naming what is wrong."""
    return _read(RouterSettings, "router", environment)


def worker_settings(environment: Mapping[str, str] | None = None) -> WorkerSettings:
    """Read what the dispatcher or the collector is told; raises :class:`SettingsError`."""
    return _read(WorkerSettings, "worker", environment)


def guard_settings(environment: Mapping[str, str] | None = None) -> GuardSettings:
    """Read the budget guard's settings; raises :class:`SettingsError` naming what is wrong."""
    return _read(GuardSettings, "budget guard", environment)


Settings = TypeVar("Settings", bound=FunctionSettings)


def _read(kind: type[Settings], function: str, environment: Mapping[str, str] | None) -> Settings:
    source = os.environ if environment is None else environment
    names = [PREFIX + field.name.upper() for field in msgspec.structs.fields(kind)]
    raw = {name.removeprefix(PREFIX).lower(): source[name] for name in names if name in source}
    try:
        values: dict[str, object] = dict(raw)
        for name in _IN_JSON & raw.keys():
            values[name] = msgspec.json.decode(raw[name])
        return msgspec.convert(values, kind, strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise SettingsError(f"{function} settings ({PREFIX}*): {error}") from error


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
