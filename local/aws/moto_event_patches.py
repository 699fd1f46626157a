"""The changes made to moto's queues and functions; :mod:`local.aws.moto_patches` has the others.

1. SQS counted visibility, delay and age by the machine's clock: here by the world's.
2. A ReceiveMessage that waits for messages held the door shut for everybody else: none waits.
3. SQS measured a message by the characters of its body: here by its bytes.
4. Lambda's Invoke looked for docker: a dry run is answered, anything else is refused by name.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend
from moto.sqs import models as sqs_models
from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import Queue, SQSBackend

from shared.clock import Clock

_original_receive = SQSBackend.receive_message
_original_validate = SQSBackend._validate_message  # noqa: SLF001 moto offers no other place


def apply_moto_event_patches(clock: Clock) -> None:
    """Change moto in this process; doing it again changes the clock and nothing more."""
    sqs_models.unix_time = clock
    sqs_models.unix_time_millis = lambda: clock() * 1000
    SQSBackend.receive_message = _receive_at_once
    SQSBackend._validate_message = _validate_bytes  # noqa: SLF001 as above
    LambdaBackend.invoke = _dry_run


def _receive_at_once(
    backend: SQSBackend, queue_name: str, count: int, _wait: int, *arguments: Any
) -> Any:
    return _original_receive(backend, queue_name, count, 0, *arguments)


def _validate_bytes(
    backend: SQSBackend, queue: Queue, message_body: str, *arguments: Any, **options: Any
) -> None:
    limit = queue.maximum_message_size
    if len(message_body.encode()) > limit:
        raise InvalidParameterValue(
            f"One or more parameters are invalid. Reason: Message must be shorter than {limit} "
            "bytes."
        )
    _original_validate(backend, queue, message_body, *arguments, **options)


def _dry_run(
    backend: LambdaBackend,
    function_name: str,
    qualifier: str | None,
    _body: Any,
    headers: Any,
    _response_headers: Any,
) -> bytes:
    backend.get_function(function_name, qualifier)
    if headers.get("X-Amz-Invocation-Type") == "DryRun":
        return b""
    raise LambdaClientError(
        "ServiceException", "the local AWS runs no functions: only InvocationType=DryRun works"
    )
