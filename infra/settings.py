"""The settings of one stack: typed, closed and checked before anything is declared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
import pulumi
from pulumi.runtime import config as pulumi_config

from shared.catalog import known_models, served_providers
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets.seeds import Seeds
from shared.resources import PROJECT
from shared.settings import RUNBOOK, MiB, Name

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
# CloudWatch Logs accepts no other number of days (API reference, PutRetentionPolicy).
RetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]


_IN_JSON = {"providers", "budgets", "key_limits", "alarm_emails", "webhook_hosts"}
"""Settings that are no single value: Pulumi hands them over as JSON."""


Email = Annotated[str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+\Z")]
RunbookUrl = Annotated[str, msgspec.Meta(pattern=r"^https://[a-zA-Z0-9.-]+(:\d+)?(/[^\s#]*)?\Z")]
Host = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+\Z")]


class ConfigError(ValueError):
    """A stack's configuration is unknown, missing or senseless; says which key."""


class StackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One environment's choices; ``Pulumi.<environment>.yaml`` holds them under the same names.

    ``throttle_rate`` is requests per second over the whole stage and ``throttle_burst`` how many
    may arrive at once. ``memory_mb`` buys CPU too: see :mod:`infra.router`. What costs something
    while nobody calls is off unless asked for; docs/idle-cost.md has the prices.
    """

    environment: Name
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    baseline_model: str
    providers: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = ("openai",)
    memory_mb: Annotated[int, msgspec.Meta(ge=128, le=10_240)] = 512
    log_level: LogLevel = "INFO"
    log_retention_days: RetentionDays = 14
    throttle_rate: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 50
    throttle_burst: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 100
    deletion_protection: bool = True
    body_limit_bytes: Annotated[int, msgspec.Meta(ge=1024, le=4 * MiB)] = MiB
    budgets: Seeds = Seeds()
    """The caps that budgets start with; afterwards ``sluice budget`` changes them, not a deploy."""
    max_share_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    key_limits: KeyLimits = KeyLimits(in_flight=200)
    reserved_concurrency: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Unset unless asked for: a young account may have 10 to 50 executions in all."""
    stable_version: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """The published version that callers get; unset, whatever was published last."""
    canary_percent: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    """Share of calls that the version published last gets beside ``stable_version``."""
    release_alarms: bool = False
    """Errors of the newest version and 5xx of the API."""
    alarms: Literal["none", "few", "all"] = "few"
    """How many rows of the alarm table there are; the budget guard tells of budgets without any."""
    alarm_emails: tuple[Email, ...] = ()
    """Who is told by e-mail; each has to confirm once."""
    runbook_url: RunbookUrl | None = None
    """Where people read docs/runbook.md: a link of HTTPS without an anchor."""
    webhooks: bool = False
    """A secret for the URLs that are told as well, such as a chat's incoming webhook."""
    webhook_hosts: tuple[Host, ...] = ("hooks.slack.com",)
    """The only hosts that such a URL may name."""
    guard_minutes: Annotated[int, msgspec.Meta(ge=1, le=5)] = 5
    """How often the budget guard looks at all budgets; alarms watch what it measures in tens."""
    worker_memory_mb: Annotated[int, msgspec.Meta(ge=256, le=10_240)] = 512
    """Memory of the dispatcher and of the collector: see :mod:`infra.deferred_calls`."""
    dispatcher_concurrency: Annotated[int, msgspec.Meta(ge=2, le=1_000)] = 5
    """Dispatchers at once; each makes eight calls side by side for jobs that cannot wait."""
    collector_minutes: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    """How often the collector looks at open batches and at jobs whose deadline comes near: more
    than five minutes would be too long for the latter."""
    dashboard: bool = False
    """One page of money, budgets, cache, latency and errors in CloudWatch."""
    aws_budget_usd: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """What this stack's own AWS bill may come to in a month before somebody is told."""
    retain_ledger: bool = True
    """The ledger and the key it is encrypted with outlive ``pulumi destroy``."""
    access_logs: bool = False
    """A line per request; the account needs API Gateway's logging role first."""
    waf_requests_per_ip: Annotated[int, msgspec.Meta(ge=10, le=2_000_000_000)] | None = None
    """Requests that one address may send in five minutes; unset, there is no firewall."""
    customer_key: bool = False
    """Tables, secrets and logs are encrypted with a KMS key of this stack's own."""
    snap_start: bool = False
    """New instances resume from a snapshot of a started router."""

    def __post_init__(self) -> None:
        """Refuse names that the catalog does not hold, and settings that contradict each other."""
        _require_known("providers", set(self.providers), served_providers())
        _require_known("baseline_model", {self.baseline_model}, known_models())
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("providers names one twice")
        if self.canary_percent and self.stable_version is None:
            raise ValueError("canary_percent needs stable_version: who answers the other calls?")

    @property
    def runbook(self) -> str:
        """What stands before the anchors of its sections in alarms and messages."""
        return self.runbook_url or RUNBOOK

    @property
    def tags(self) -> dict[str, str]:
        """What every taggable resource carries, so that a bill can be split by environment."""
        return {"project": PROJECT, "environment": self.environment}


def read_settings() -> StackSettings:
    """Return the settings of the running stack; raises :class:`ConfigError` naming the key."""
    region = pulumi.Config("aws").require("region")
    return parse_settings(pulumi.get_stack(), region, _configured())


def parse_settings(environment: str, region: str, config: Mapping[str, str]) -> StackSettings:
    """Turn configuration as Pulumi hands it over, all texts, into settings.

    Raises :class:`ConfigError`, which names an unknown, missing or senseless key.
    """
    if fixed := {"environment", "region"} & set(config):
        raise ConfigError(f"{PROJECT}:{min(fixed)} is not configured: it is the stack's own")
    values: dict[str, object] = {**config, "environment": environment, "region": region}
    try:
        for name in _IN_JSON & set(config):
            values[name] = json.loads(config[name])
        return msgspec.convert(values, StackSettings, strict=False)
    except (msgspec.ValidationError, json.JSONDecodeError) as error:
        raise ConfigError(f"Pulumi.{environment}.yaml: {error}") from error


def _configured() -> dict[str, str]:
    # pulumi.Config answers only keys it is asked for, so a misspelt one would pass unseen.
    everything = {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}
    prefix = f"{PROJECT}:"
    return {
        key.removeprefix(prefix): value
        for key, value in everything.items()
        if key.startswith(prefix)
    }


def _require_known(field: str, given: set[str], known: set[str]) -> None:
    if unknown := sorted(given - known):
        raise ValueError(f"{field} names {', '.join(unknown)}, which the catalog does not hold")
