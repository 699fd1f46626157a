"""AWS on this machine: a moto server behind a door that enforces IAM.

``python -m local.aws`` serves it. moto keeps the state and speaks the protocols; the door in
front of it lets one request in at a time and asks the role's policies first.
"""

from __future__ import annotations

from typing import Final

# moto takes exactly 20 capital letters and digits for an access key.
ADMIN_ACCESS_KEY: Final = "SLUICELOCALADMIN0000"
"""The one key that may do everything: it stands for the operator's own AWS credentials."""
ADMIN_SECRET_KEY: Final = "local-admin-secret"  # noqa: S105 -- opens nothing but this process

ACCOUNT: Final = "123456789012"
"""The account that moto puts everything into."""

DENIALS_PATH: Final = "/_sluice/denials"
"""``GET`` answers ``[{time, principal, action, resource, reason}]``, oldest first."""

NOTIFICATIONS_PATH: Final = "/_sluice/notifications"
"""``GET`` with ``?after=N`` answers the notifications numbered over N that topics have handed to
functions and people, oldest first, as :class:`local.aws.outbox.Notification` has them."""

QUEUE_DEPTHS_PATH: Final = "/_sluice/queues"
"""``GET`` answers ``{queue ARN: {AWS/SQS metric: value}}``."""

EXPIRY_PATH: Final = "/_sluice/expiry"
"""``GET`` with ``?table=T&attribute=A&before=N`` deletes the rows of a table whose number A is N or
less, and answers ``{deleted}``."""

DIFFERENCES: Final = (
    "Request signatures are not verified: only the access key and the session token are.",
    "Temporary credentials never expire.",
    "sts:AssumeRole does not check the role's trust policy; only the admin key may call it.",
    "IAM users, permission boundaries, session policies and resource policies do not exist; "
    "assumed roles have their inline and attached policies.",
    "A role may call DynamoDB, S3 objects, SQS, SNS, Scheduler, Secrets Manager, CloudWatch Logs, "
    "CloudWatch metrics and sts:GetCallerIdentity as its policies say; every other call is refused "
    "to every role. No function can invoke another: Lambda answers dry runs only.",
    "A ReceiveMessage never waits for messages, and moto limits neither the messages in flight nor "
    "the size of a batch as a whole.",
    "DynamoDB reads are always strongly consistent, nothing is throttled, and expired rows stay "
    "until something deletes them.",
    "Presigned URLs are refused: every request needs an Authorization header.",
)
"""Where this AWS is known to differ from the real one, for the list in docs/local.md."""
