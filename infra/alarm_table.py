"""Every alarm of the system: one row each.

An alarm costs $0.10 a month, and as much again for each further metric that it computes with.
``few`` are the rows that a stack of one engineer can afford, ``all`` what on-call wants to hear,
``release`` what tells that a new version is bad (:mod:`infra.settings` chooses).

A day's or month's budget is watched by a gauge that already belongs to the calendar day: a
wall-clock window of CloudWatch is looked at when it is over, which is too late for a budget, and
right for what is told once a day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from shared.meters import GAUGES, Meter

Severity = Literal["page", "ticket"]
Chosen = Literal["few", "all", "release"]
Silence = Literal["notBreaching", "breaching", "ignore"]
HeardBy = Literal["guard", "people", "both"]
Whose = Literal[
    "environment",
    "router",
    "newest_router",
    "stage",
    "guard",
    "dispatcher",
    "collector",
    "jobs_queue",
    "dead_letters",
]

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
LENGTHS: Final = {"day": DAY, "month": 30 * DAY}
"""Of the periods of a budget, in seconds; a month is taken for thirty days."""


@dataclass(frozen=True)
class Watched:
    """A metric, over a period in seconds. ``namespace`` is None for one of our own."""

    metric: str
    statistic: str
    period: int
    namespace: str | None = None
    whose: Whose = "environment"


@dataclass(frozen=True)
class Alarm:
    """A row. It fires when ``needed`` of ``periods`` periods reach the threshold.

    Either one metric is watched, or ``expression`` computes with several by their ids.
    ``silence`` is what a period without data counts as. ``heard_by`` people is what the guard may
    be unable to tell: what keeps callers from an answer keeps it from its work. ``section`` is
    that of the runbook, the alarm's own unless several share one.
    """

    name: str
    says: str
    watched: Watched | dict[str, Watched]
    threshold: float
    severity: Severity
    owner: str
    chosen: Chosen = "all"
    expression: str | None = None
    periods: int = 1
    needed: int = 1
    below: bool = False
    by_the_clock: bool = False
    silence: Silence = "notBreaching"
    heard_by: HeardBy = "guard"
    section: str | None = field(default=None)

    @property
    def anchor(self) -> str:
        """The section of the runbook that tells what to do."""
        return self.section or self.name

    def description(self, runbook: str) -> str:
        """Return what CloudWatch and people read, and the guard takes severity and section from."""
        return f"{self.says} [{self.severity}] What to do: {runbook}#{self.anchor}"

    @property
    def metrics(self) -> dict[str, Watched]:
        """All metrics that it is computed from; each costs as much as an alarm."""
        return {"m": self.watched} if isinstance(self.watched, Watched) else self.watched


def _own(meter: Meter, statistic: str, period: int) -> Watched:
    return Watched(meter.value, statistic, period)


def _used(period: str, percent: int, severity: Severity, chosen: Chosen = "all") -> Alarm:
    what = f"{percent} % of the environment's {period} is spent."
    if percent == 100:
        what = f"The environment's {period} is used up: only the cache is served."
    return Alarm(
        f"budget-{period}-{percent}",
        what,
        _own(GAUGES[period].used, "Maximum", 5 * MINUTE),
        percent,
        severity,
        "on-call",
        chosen=chosen,
        # The guard measures every five minutes, so one period may miss its point.
        periods=2,
        heard_by="both" if percent == 100 else "guard",
        section=f"budget-{percent}",
    )


def _burn(period: str, factor: float, seconds: int, label: str, severity: Severity) -> Alarm:
    """Compare what a window spent with what an even spend would have.

    The window's short companion, which tells whether it still burns, is in the guard's message.
    """
    cap, length = GAUGES[period].cap, LENGTHS[period]
    each = min(seconds, DAY)  # CloudWatch's longest period
    return Alarm(
        f"burn-{period}-{label}",
        f"Over {label} the environment spent {factor} times as fast as its {period} allows.",
        {"spent": _own(Meter.COST, "Sum", each), "cap": _own(cap, "Maximum", each)},
        factor,
        severity,
        "on-call",
        expression=f"spent * {length // each} / cap",
        periods=seconds // each,
        needed=seconds // each,
        section="burn-rate",
    )


BUDGETS: Final = (
    _used("day", 50, "ticket"),
    _used("day", 80, "page"),
    _used("day", 100, "page", chosen="few"),
    _used("month", 50, "ticket"),
    _used("month", 80, "page"),
    _used("month", 100, "page"),
    _burn("day", 4.8, 30 * MINUTE, "30m", "page"),
    _burn("day", 3, 2 * HOUR, "2h", "page"),
    _burn("day", 1.5, 8 * HOUR, "8h", "ticket"),
    _burn("month", 14.4, HOUR, "1h", "page"),
    _burn("month", 6, 6 * HOUR, "6h", "page"),
    _burn("month", 1, 3 * DAY, "3d", "ticket"),
    Alarm(
        "budget-refusals",
        "Calls are refused for want of a budget.",
        _own(Meter.BUDGET_REFUSALS, "Sum", 5 * MINUTE),
        1,
        "ticket",
        "on-call",
    ),
)
"""What is spent and how fast. Factors and windows of burn rates: the usual pairs of site
reliability engineering, for a budget of a day and of a month."""

BOOKS: Final = (
    Alarm(
        "over-reserved",
        "A call cost more than was held for it.",
        _own(Meter.ACTUAL_OF_RESERVED, "Maximum", 5 * MINUTE),
        1001,
        "page",
        "platform",
    ),
    Alarm(
        "unpriced",
        "Calls are refused because no price is known for their model.",
        _own(Meter.UNPRICED, "Sum", 5 * MINUTE),
        1,
        "ticket",
        "platform",
    ),
    Alarm(
        "doubt",
        "1 % or more of an hour's cost was charged without a provider's figures.",
        {
            "doubt": _own(Meter.DOUBT, "Sum", HOUR),
            "spent": _own(Meter.COST, "Sum", HOUR),
        },
        1,
        "ticket",
        "platform",
        expression="100 * doubt / spent",
    ),
    Alarm(
        "audit-missing",
        "The books of a day were not audited.",
        # What an audit finds, it tells itself.
        _own(Meter.AUDIT_OVERDUE, "Maximum", 5 * MINUTE),
        1,
        "page",
        "platform",
        periods=2,
    ),
    Alarm(
        "ledger-gap",
        "A day's metrics and its usage rows are 1 % or more apart.",
        # Told once a day for the day before, so it stays as it is until the next day's.
        _own(Meter.LEDGER_GAP, "Maximum", HOUR),
        10,
        "ticket",
        "platform",
        silence="ignore",
    ),
    Alarm(
        "price-age",
        "The oldest price was last checked more than 45 days ago.",
        _own(Meter.PRICE_AGE, "Maximum", DAY),
        46,
        "ticket",
        "platform",
        by_the_clock=True,
    ),
)
"""Whether the money is counted right."""

SERVICE: Final = (
    Alarm(
        "edge-5xx",
        "2 % of all answers are 5xx, and two of them or more.",
        {
            "failed": Watched("5XXError", "Sum", 5 * MINUTE, "AWS/ApiGateway", "stage"),
            "calls": Watched("Count", "Sum", 5 * MINUTE, "AWS/ApiGateway", "stage"),
        },
        2,
        "page",
        "on-call",
        chosen="release",
        # Fewer than a hundred calls count as a hundred: one failure in a quiet hour is no page.
        expression="100 * failed / IF(calls > 100, calls, 100)",
    ),
    Alarm(
        "newest-errors",
        "The newest router crashed or timed out.",
        # The adapter turns the router's 5xx answers into successful invocations, so these are
        # crashes and timeouts only, and the API's 5xx are the rest, of all versions together.
        Watched("Errors", "Sum", MINUTE, "AWS/Lambda", "newest_router"),
        1,
        "page",
        "on-call",
        chosen="release",
    ),
    Alarm(
        "crashes",
        "Errors that nothing was prepared for, of the router or of who runs deferred calls.",
        _own(Meter.CRASHES, "Sum", 5 * MINUTE),
        1,
        "ticket",
        "platform",
    ),
    Alarm(
        "providers-failing",
        "One in ten attempts at providers fails.",
        {
            "failed": _own(Meter.FAILURES, "Sum", 5 * MINUTE),
            "calls": _own(Meter.PROVIDER_CALLS, "Sum", 5 * MINUTE),
        },
        10,
        "page",
        "on-call",
        expression="100 * failed / calls",
        periods=3,
        needed=2,
    ),
    Alarm(
        "latency",
        "One in twenty calls takes longer than a minute.",
        _own(Meter.LATENCY, "p95", 5 * MINUTE),
        60_000,
        "ticket",
        "on-call",
        periods=3,
        needed=3,
    ),
    Alarm(
        "throttles",
        "Lambda turns calls of the router away: the account has no execution left.",
        Watched("Throttles", "Sum", MINUTE, "AWS/Lambda", "router"),
        1,
        "page",
        "on-call",
        periods=5,
        needed=2,
        heard_by="people",
    ),
    Alarm(
        "store-errors",
        "DynamoDB or a secret cannot be reached, and calls are refused for it.",
        _own(Meter.STORE_ERRORS, "Sum", MINUTE),
        3,
        "page",
        "on-call",
        periods=5,
        needed=2,
        heard_by="people",
    ),
)
"""Whether calls are answered."""

DEFERRED: Final = (
    Alarm(
        "dead-letters",
        "Messages of deferred calls could not be handled, and lie among the dead letters.",
        Watched(
            "ApproximateNumberOfMessagesVisible", "Maximum", 5 * MINUTE, "AWS/SQS", "dead_letters"
        ),
        1,
        "ticket",
        "on-call",
        chosen="few",
    ),
    Alarm(
        "jobs-waiting",
        "The oldest message of deferred calls has waited for half an hour: no dispatcher takes it.",
        Watched("ApproximateAgeOfOldestMessage", "Maximum", 5 * MINUTE, "AWS/SQS", "jobs_queue"),
        30 * MINUTE,
        "page",
        "on-call",
    ),
    Alarm(
        "dispatcher-failing",
        "The dispatcher fails: deferred calls go to no provider until the collector finds them.",
        Watched("Errors", "Sum", 5 * MINUTE, "AWS/Lambda", "dispatcher"),
        1,
        "ticket",
        "platform",
        section="deferred-failing",
    ),
    Alarm(
        "collector-failing",
        "The collector fails: answers of batches are not fetched, and late calls not made.",
        Watched("Errors", "Sum", 15 * MINUTE, "AWS/Lambda", "collector"),
        3,
        "page",
        "platform",
        section="deferred-failing",
    ),
    Alarm(
        "batch-overdue",
        "Deferred calls left their batches because it would not have ended before their deadline.",
        _own(Meter.JOBS_PROMOTED, "Sum", HOUR),
        20,
        "ticket",
        "on-call",
    ),
    Alarm(
        "teams-untold",
        "A team's webhook has not taken the end of a batch for a quarter of an hour, or at all.",
        # At last it is tried once an hour, and a minute late: of two hours, one may have no try.
        _own(Meter.TEAMS_UNTOLD, "Sum", HOUR),
        1,
        "ticket",
        "platform",
        periods=2,
    ),
)
"""Whether deferred calls come to their ends."""

GUARD: Final = (
    Alarm(
        "guard-failing",
        "The budget guard fails: alarms may reach nobody.",
        Watched("Errors", "Sum", 5 * MINUTE, "AWS/Lambda", "guard"),
        1,
        "page",
        "platform",
        chosen="few",
        heard_by="people",
        section="guard",
    ),
    Alarm(
        "guard-silent",
        "The budget guard has not run for more than half an hour: alarms may reach nobody.",
        # Not one period of half an hour: CloudWatch would go on looking at the last one that has
        # data for two hours more (user guide, "How alarm state is evaluated when data is missing").
        Watched("Invocations", "Sum", 5 * MINUTE, "AWS/Lambda", "guard"),
        1,
        "page",
        "platform",
        periods=6,
        needed=6,
        below=True,
        silence="breaching",
        heard_by="people",
        section="guard",
    ),
    Alarm(
        "undelivered",
        "A message to people could not be delivered everywhere.",
        _own(Meter.UNDELIVERED, "Maximum", 5 * MINUTE),
        1,
        "page",
        "platform",
        # The guard looks every five minutes, so one period may miss its point.
        periods=2,
        heard_by="people",
    ),
)
"""Whether anybody would hear of it."""

ALARMS: Final = (*BUDGETS, *BOOKS, *SERVICE, *DEFERRED, *GUARD)
