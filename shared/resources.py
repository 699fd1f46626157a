"""The shapes of the tables and secrets that code and infrastructure agree on.

``infra`` declares these shapes and the adapters rely on them, so neither can drift alone.
Every name carries the environment: two stacks never meet in one account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROJECT: Final = "sluice"


@dataclass(frozen=True)
class TableShape:
    """A DynamoDB table: two string keys and, where rows expire, the TTL attribute.

    ``purge_attribute`` holds epoch seconds at which DynamoDB may delete the row. Deletion is
    days late, so readers always check their own expiry.
    """

    role: str
    partition_key: str
    sort_key: str
    purge_attribute: str

    def name(self, environment: str) -> str:
        """Return the table's name in one environment, such as ``sluice-dev-cache``."""
        return resource_name(environment, self.role)


CACHE_TABLE: Final = TableShape("cache", "pk", "sk", "purge_at")
"""Answers. Disposable: losing it costs money, never correctness."""

LEDGER_TABLE: Final = TableShape("ledger", "pk", "sk", "purge_at")
"""Keys and usage entries. Retained."""

JOBS_TABLE: Final = TableShape("jobs", "pk", "sk", "purge_at")
"""Deferred jobs and provider batches. Losing it loses answers that were paid for."""

BATCHES_BUCKET: Final = "batches"
"""The role of the bucket with inputs, manifests, and bodies too large for a row."""
TEAM_FOLDERS: Final = ("*/contents/*", "*/files/*", "*/batches/*/records/*")
"""What lies in the bucket under a team's name, as patterns of keys."""
JOBS_QUEUE: Final = "jobs"
"""The role of the queue that wakes the dispatcher: ids of jobs, never what they ask."""
JOBS_DEAD_LETTERS: Final = "jobs-dead"
"""The role of the queue with the messages that nobody could handle."""

# Leading keys, tenant first. The router's role may write only where the pattern below allows,
# so a router that was taken over still cannot mint keys.
USAGE_PARTITIONS: Final = "*/usage/*"
ROLLUP_PARTITIONS: Final = "*/rollups"
FEEDBACK_PARTITIONS: Final = "*/feedback/*"
HOLD_PARTITIONS: Final = "*/holds"
BUDGET_PARTITIONS: Final = ("*/budget", "-/budget/*")
KEY_PARTITIONS: Final = "*/keys"
FILE_PARTITIONS: Final = ("*/files", "*/uploads/*")
TEAMS_PARTITION: Final = "teams"
"""Names every team, so that all can be listed without a scan."""
AUDIT_PARTITIONS: Final = "-/audit/*"
GUARD_PARTITIONS: Final = "-/guard/*"
MESSAGE_PARTITIONS: Final = "-/messages/*"
ENVIRONMENT: Final = "-"
"""Stands where a team does, for what belongs to the environment: no team can be called so."""


def key_partition(team: str) -> str:
    """Return the ledger partition that holds one team's gateway keys."""
    return f"{team}/keys"


def usage_partition(team: str, day: str) -> str:
    """Return the ledger partition of one team's usage on one UTC day (``2026-11-22``)."""
    return f"{team}/usage/{day}"


def late_partition(team: str, day: str) -> str:
    """Return the ledger partition of what a team's late settlements of one UTC day moved.

    The day is that of the settlement. Who may write usage rows may write there.
    """
    return f"{team}/usage/{day}/late"


def rollup_partition(team: str) -> str:
    """Return the ledger partition of what one team's usage adds up to, by hour and by day."""
    return f"{team}/rollups"


def feedback_partition(team: str, day: str) -> str:
    """Return the ledger partition of what was said of one team's requests of a UTC day."""
    return f"{team}/feedback/{day}"


def hold_partition(team: str) -> str:
    """Return the ledger partition of one team's open holds."""
    return f"{team}/holds"


def budget_partition(team: str) -> str:
    """Return the ledger partition of one team's budgets: its own and its keys'."""
    return f"{team}/budget"


def slice_partition(number: int) -> str:
    """Return the ledger partition of one slice of the environment's budget."""
    return f"{ENVIRONMENT}/budget/{number}"


def audit_partition(month: str) -> str:
    """Return the ledger partition of what operators changed in one month (``2026-11``)."""
    return f"{ENVIRONMENT}/audit/{month}"


def told_partition() -> str:
    """Return the ledger partition of what people have been told: of budgets and of alarms."""
    return f"{ENVIRONMENT}/guard/told"


def pending_partition() -> str:
    """Return the ledger partition that names the messages still to be delivered."""
    return f"{ENVIRONMENT}/guard/pending"


def message_partition(month: str) -> str:
    """Return the ledger partition of the messages of one month (``2026-11``)."""
    return f"{ENVIRONMENT}/messages/{month}"


def answer_partition(team: str, digest: str) -> str:
    """Return the cache partition of one team's answer under one request digest."""
    return f"{team}/{digest}"


def idempotency_partition(team: str, key_digest: str) -> str:
    """Return the cache partition of one team's Idempotency-Key, by its SHA-256."""
    return f"{team}/idempotency/{key_digest}"


def file_partition(team: str) -> str:
    """Return the jobs partition of one team's files."""
    return f"{team}/files"


def upload_partition(team: str, upload: str) -> str:
    """Return the jobs partition of one upload and its parts."""
    return f"{team}/uploads/{upload}"


CALLER_BATCH_PARTITIONS: Final = ("*/batches", "*/batches/*")
OPEN_CALLER_BATCHES_PARTITION: Final = "-/caller-batches"
BATCH_EVENTS_PARTITION: Final = "-/batch-events"
"""The jobs partition of the ends of batches that teams are still to be told of."""


def caller_batch_partition(team: str) -> str:
    """Return the jobs partition of one team's own batches."""
    return f"{team}/batches"


def results_partition(team: str, batch: str) -> str:
    """Return the jobs partition of the files of records of one batch."""
    return f"{team}/batches/{batch}"


JOB_PARTITIONS: Final = "*/jobs"
CONTENT_PARTITIONS: Final = "*/contents/*"
WAITING_PARTITIONS: Final = "-/waiting/*"
OPEN_BATCHES_PARTITION: Final = "-/batches/open"
PAST_BATCHES_PARTITION: Final = "-/batches/past"
LANES_PARTITION: Final = "-/lanes"


def job_partition(team: str) -> str:
    """Return the jobs partition of one team's deferred calls."""
    return f"{team}/jobs"


def content_partition(team: str, job: str) -> str:
    """Return the jobs partition, and the bucket's prefix, of what a job was asked and answered."""
    return f"{team}/contents/{job}"


def waiting_partition(provider: str) -> str:
    """Return the jobs partition of a provider's waiting rooms: the jobs of all teams together."""
    return f"{ENVIRONMENT}/waiting/{provider}"


HEALTH_PARTITION: Final = "health"
"""The cache partition with what all instances know of the models. No tenant's data."""


def resource_name(environment: str, role: str) -> str:
    """Return ``sluice-<environment>-<role>``."""
    return f"{PROJECT}-{environment}-{role}"


def webhooks_secret_name(environment: str) -> str:
    """Return the name of the secret that holds the webhooks and what they are signed with."""
    return f"{PROJECT}/{environment}/webhooks"


def secret_name(environment: str, provider: str) -> str:
    """Return the name of the secret that holds one provider's API key."""
    return f"{PROJECT}/{environment}/providers/{provider}"
