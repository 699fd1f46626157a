"""Every metric and every trouble, each in one table.

The emitters, the alarms and the dashboard share the metrics; a trouble is what an operator's log
is searched for, and counts as a metric where an alarm watches it.

CloudWatch bills each combination of a name and dimension values at $0.30 a month, by the hour in
which it has a point, and adds nothing up over dimensions: so what an alarm watches is emitted
with ``{environment}`` alone, and beside it there is at most one more dimension of few values. A
*sparse* metric is emitted only where it is not zero, because it is zero almost always.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

NAMESPACE: Final = "Sluice"

Unit = Literal["Count", "Milliseconds", "Percent", "None"]
Dimensions = tuple[str, ...]

ENVIRONMENT: Final = "environment"
ALONE: Final[Dimensions] = (ENVIRONMENT,)
BY_TIER: Final[Dimensions] = (ENVIRONMENT, "tier")
BY_PROVIDER: Final[Dimensions] = (ENVIRONMENT, "provider")


class Meter(StrEnum):
    """A metric's name. Money is in nano-dollars, so sums stay exact."""

    REQUESTS = "Requests"
    REFUSALS = "Refusals"
    BUDGET_REFUSALS = "BudgetRefusals"
    UNPRICED = "Unpriced"
    FAILURES = "Failures"
    PROVIDER_CALLS = "ProviderCalls"
    CACHE_HITS = "CacheHits"
    CACHE_MISSES = "CacheMisses"
    CACHE_BYPASSES = "CacheBypasses"
    COST = "CostNanoUsd"
    BASELINE = "BaselineNanoUsd"
    SAVED = "SavedNanoUsd"
    DOUBT = "DoubtNanoUsd"
    ACTUAL_OF_RESERVED = "ActualOfReservedPermille"
    LATENCY = "Latency"
    STORE_ERRORS = "StoreErrors"
    CRASHES = "Crashes"
    BUDGET_USED = "BudgetUsedPercent"
    MONTH_BUDGET_USED = "MonthBudgetUsedPercent"
    BUDGET_CAP = "BudgetCapNanoUsd"
    MONTH_BUDGET_CAP = "MonthBudgetCapNanoUsd"
    AUDIT_FINDINGS = "AuditFindings"
    AUDIT_OVERDUE = "AuditOverdueHours"
    LEDGER_GAP = "LedgerGapPermille"
    PRICE_AGE = "PriceAgeDays"
    UNDELIVERED = "UndeliveredMessages"
    JOBS_PROMOTED = "JobsPromoted"
    TEAMS_UNTOLD = "TeamsUntold"


@dataclass(frozen=True)
class Metric:
    """A row: its unit, the dimension sets it is emitted with, and what it says."""

    unit: Unit
    says: str
    sets: tuple[Dimensions, ...] = (ALONE,)
    sparse: bool = False


METRICS: Final[dict[Meter, Metric]] = {
    Meter.REQUESTS: Metric("Count", "Calls that were answered or refused", (ALONE, BY_TIER)),
    Meter.REFUSALS: Metric("Count", "Calls that were refused before they reached an answer"),
    Meter.BUDGET_REFUSALS: Metric("Count", "Calls refused for want of a budget", sparse=True),
    Meter.UNPRICED: Metric("Count", "Calls refused because no price is known", sparse=True),
    Meter.FAILURES: Metric(
        "Count", "Attempts at a provider that failed", (ALONE, BY_PROVIDER), sparse=True
    ),
    Meter.PROVIDER_CALLS: Metric("Count", "Attempts at a provider", (ALONE, BY_PROVIDER)),
    Meter.CACHE_HITS: Metric("Count", "Answers from the cache"),
    Meter.CACHE_MISSES: Metric("Count", "Calls that the cache could have answered and did not"),
    Meter.CACHE_BYPASSES: Metric("Count", "Calls in which the cache had no part"),
    Meter.COST: Metric("None", "What calls cost"),
    Meter.BASELINE: Metric("None", "What they would have cost as they were asked"),
    Meter.SAVED: Metric("None", "Baseline minus cost"),
    Meter.DOUBT: Metric("None", "The part of cost that nobody settled", sparse=True),
    Meter.ACTUAL_OF_RESERVED: Metric("None", "Cost by what was held for it, rounded up"),
    Meter.LATENCY: Metric("Milliseconds", "From arrival to settlement", (ALONE, BY_TIER)),
    Meter.STORE_ERRORS: Metric("Count", "Calls to DynamoDB or a secret that failed", sparse=True),
    Meter.CRASHES: Metric("Count", "Errors that nothing was prepared for", sparse=True),
    # The guard's regular check emits these four, as old as its last run; nothing where the
    # environment has no cap or has spent nothing this month, so an idle stack pays for none.
    Meter.BUDGET_USED: Metric(
        "Percent", "Of the environment's day; 100 as soon as only the cache is served"
    ),
    Meter.MONTH_BUDGET_USED: Metric(
        "Percent", "Of the environment's month; 100 as soon as only the cache is served"
    ),
    Meter.BUDGET_CAP: Metric("None", "The environment's cap of the day, with its raise"),
    Meter.MONTH_BUDGET_CAP: Metric("None", "The environment's cap of the month, with its raise"),
    Meter.AUDIT_FINDINGS: Metric("Count", "What the daily audit found off"),
    Meter.AUDIT_OVERDUE: Metric("Count", "Hours since an audit should have been", sparse=True),
    Meter.LEDGER_GAP: Metric("None", "How far a day's metrics are from its usage rows"),
    Meter.PRICE_AGE: Metric("Count", "Days since the oldest price was checked"),
    Meter.UNDELIVERED: Metric("Count", "Messages that are not delivered yet", sparse=True),
    Meter.JOBS_PROMOTED: Metric(
        "Count", "Deferred calls made at once because their batch was too slow", sparse=True
    ),
    Meter.TEAMS_UNTOLD: Metric(
        "Count", "Tries to tell teams of their batches that failed time and again", sparse=True
    ),
}


@dataclass(frozen=True)
class Gauges:
    """What the guard measures of a capped counter: how much of it is used, and its cap."""

    used: Meter
    cap: Meter


GAUGES: Final = {
    "day": Gauges(Meter.BUDGET_USED, Meter.BUDGET_CAP),
    "month": Gauges(Meter.MONTH_BUDGET_USED, Meter.MONTH_BUDGET_CAP),
}
"""By the period of the environment's counter."""


Trouble = Literal[
    # Of any function.
    "crash",  # nothing was prepared for it
    "store",  # a call of DynamoDB, S3, SQS or a secret failed
    "unsettled",  # what a call cost could not be booked; a hold that still stands expires
    # Of calls.
    "upstream",  # an attempt at a provider failed
    "provider_key_refused",  # the provider answered 401 or 403
    "cut_short",  # a stream broke after its answer was whole
    "usage",  # a provider's usage made no sense: what was held is charged, in doubt
    "uncached",  # an answer could not be kept, in the cache or under its Idempotency-Key
    "unclaimed",  # nor could that of a hit or a job, or that there is none
    "unshared",  # other instances were not told of a failing model or of a claim given up
    # Of jobs.
    "unreadable_message",  # a message of the queue is none of ours
    "unsent",  # no message could be sent: the collector looks later
    "job_never_accepted",  # its process died before it was written; what was held is given back
    "job_promoted",  # called at once, since its batch was too slow
    "call_lost",  # a job's call has not ended: what was held is charged
    "tick",  # the store was unavailable to a part of the collector's round
    # Of providers' batches.
    "unsubmitted",  # the store was unavailable to a provider's batches
    "lane_lost",  # another process took the provider's lane over
    "creates_used_up",  # no more batches may be made within this hour
    "batch_not_taken",  # the provider takes none of this account's batches for now
    "batch_refused",  # the provider refused it, or never answered: its lines go again
    "batch_failed",  # it failed before it was begun, by its lines' fault
    "batch_answer_lost",  # whether it was made is not known: it is looked for
    "batch_not_looked_for",  # nor could it be looked for
    "batch_twice",  # it was made twice: the other one is cancelled
    "batch_not_cancelled",  # the other one could not be
    "batch_files_gone",  # its files are gone from the bucket
    "batch_unread",  # its state or results could not be read
    "batch_not_discarded",  # its files stay at the provider
    "foreign_line",  # a result is of no line of ours
    "line_set_aside",  # a line crashed time and again: charged in full, in doubt
    # Of callers' batches.
    "batch_stuck",  # the store was unavailable to it
    "event_stuck",  # the store was unavailable to an event of it
    "not_told",  # a team's webhook did not take its end: it is tried again
    "untold",  # the webhook has not taken it for a quarter of an hour, or at all
    # Of the budget guard.
    "check",  # a part of its check failed
    "sweep_unfinished",  # more holds have expired than one check ends
    "alarms_unread",  # how the alarms stand could not be read
    "budgets_unread",  # a message went out without how the budget stands
    "spenders_unread",  # a message went out without who spent it
    "undelivered",  # a channel did not take a message
    "audit",  # a finding of the daily audit
    "ledger_gap",  # a day's metrics and its usage rows differ
]
"""The ``message`` of an error line, which says that an operator must know about something."""

COUNTED: Final[dict[Trouble, Meter]] = {
    "store": Meter.STORE_ERRORS,
    "crash": Meter.CRASHES,
    "line_set_aside": Meter.CRASHES,
    "job_promoted": Meter.JOBS_PROMOTED,
    "untold": Meter.TEAMS_UNTOLD,
}
"""The troubles that alarms watch, by the metric that counts each; others are logged alone."""
