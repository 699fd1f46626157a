"""How the local world differs from AWS, as sentences for the person.

The lists of the running parts stand here; the deployer, the stand-in for AWS, alarms and
notifications keep lists of their own. ``docs/local.md`` has them all; a test holds it to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from local.alarms import DIFFERENCES as ALARMS
from local.aws import DIFFERENCES as AWS
from local.deploy import DIFFERENCES as DEPLOYMENT
from local.notifications import DIFFERENCES as NOTIFICATIONS

FROM_CHECKOUT: Final = (
    "Functions run from the checkout on this machine's Python and processor, not from the zip "
    "on the declared runtime and architecture."
)
FROM_BUNDLE: Final = (
    "Functions run from a bundle of the same recipe, built for this machine's Python and "
    "processor, not for the declared runtime and architecture."
)
RUNTIME: Final = (
    "A function may use all of this machine's memory and CPU; the declared memory size is told "
    "to it but not enforced.",
    "Functions can write to the file system and reach the network as this user can; the size of "
    "their /tmp is not enforced.",
    "At most six processes of a function run, or as many as a plain one reserves; a request that "
    "finds them busy waits, and past a hundred waiting it is throttled (past a reserve at once). "
    "On AWS the account's concurrency decides.",
    "Starting a process is not limited to Lambda's ten seconds of initialisation.",
)
EVENTS: Final = (
    "A plain function is told its deadline by the machine's clock, whatever the moved clock says.",
    "The delays between the tries of an asynchronous event pass on the world's clock; a throttled "
    "one is tried again every second. Events under way are forgotten when the world ends.",
    "Schedules fire within a tenth of a second, where Scheduler takes up to a minute. After a jump "
    "of the clock every missed occurrence fires, one after the other while the clock stands where "
    "it is, the latest thousand of each schedule at most.",
    "What a schedule's target refuses is told, and sent to the schedule's dead letter queue, after "
    "the first try: its retry policy is recorded and not followed.",
    "Queues are looked at one to five times a second by one poller, in no particular order of "
    "message groups; FIFO queues and filter criteria are refused.",
    "A bucket's objects never expire and its policy is not enforced.",
)
FRONT_DOOR: Final = (
    "The front door stands in for API Gateway and the Lambda Web Adapter; it speaks HTTP, not "
    "HTTPS, and X-Forwarded-Proto says so.",
    "The endpoint has no stage in its path.",
    "Only the routes, throttling, quotas, gateway responses and integration timeouts are "
    "reproduced: no authorizers, usage plans, request validation or access logs.",
    "X-Forwarded-Host is set; API Gateway leaves it as the caller sent it.",
    "The function's timeout alone bounds an invocation; API Gateway's integration timeout, "
    "never shorter here, is not counted apart.",
)
BEDROCK: Final = (
    "Bedrock calls go to the provider simulator, which asks for a signature and checks none: what "
    "the role may invoke is not enforced here.",
    "With real providers Bedrock refuses every call: functions are signed in to this machine's "
    "own AWS, which the real one does not know.",
)
BATCHES: Final = (
    "The provider simulator's batches go sixty times as fast as its clock: one of 20 lines ends "
    "within 20 seconds, one of 50,000 within a few minutes. They still expire after 24 hours.",
    "Deferred calls wait for company, and batches are asked for, 300 times as fast as on AWS; "
    "`make run` starts the collector every three seconds, not every minute.",
    "After a jump of the clock a rate of minutes fires for its latest three times only.",
)
TELEMETRY: Final = (
    "Lambda's platform lines (START, END, REPORT) are not written, and of AWS's own series only "
    "those of API Gateway, Lambda and SQS that can be alarmed on here; no method, no concurrency.",
    "Log events carry the machine's time, not the moved clock's, which CloudWatch Logs would "
    "refuse as future.",
    "Expired rows are deleted within ten seconds or so; DynamoDB may take days.",
)

DIFFERENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "Functions": (FROM_CHECKOUT, *RUNTIME),
    "Events": EVENTS,
    "Front door": FRONT_DOOR,
    "Bedrock": BEDROCK,
    "Deferred calls and batches": BATCHES,
    "Logs, metrics and expired rows": TELEMETRY,
    "Deployment": DEPLOYMENT,
    "AWS": AWS,
    "Alarms": ALARMS,
    "Notifications": NOTIFICATIONS,
}
"""All of them, by the part that they are about."""
ALL: Final = tuple(each for part in DIFFERENCES.values() for each in part)
ON_A_BUNDLE: Final = tuple(FROM_BUNDLE if each == FROM_CHECKOUT else each for each in ALL)
PAGE: Final = "docs/local.md"
