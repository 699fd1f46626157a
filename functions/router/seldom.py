"""Routes that are seldom asked for: imported at their first call.

Each module costs a cold start a millisecond, and no caller's answer should wait for a document. The
imports stand in functions and name their modules in full, so that the bundle's check follows them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Final

from starlette.responses import Response


def _batches() -> ModuleType:
    from functions.router import batches  # noqa: PLC0415

    return batches


def _budget() -> ModuleType:
    from functions.router import budget  # noqa: PLC0415

    return budget


def _count_tokens() -> ModuleType:
    from functions.router import count_tokens  # noqa: PLC0415

    return count_tokens


def _feedback() -> ModuleType:
    from functions.router import feedback  # noqa: PLC0415

    return feedback


def _files() -> ModuleType:
    from functions.router import files  # noqa: PLC0415

    return files


def _jobs() -> ModuleType:
    from functions.router import jobs  # noqa: PLC0415

    return jobs


def _message_batches() -> ModuleType:
    from functions.router import message_batches  # noqa: PLC0415

    return message_batches


def _models() -> ModuleType:
    from functions.router import models  # noqa: PLC0415

    return models


def _openapi() -> ModuleType:
    from functions.router import openapi  # noqa: PLC0415

    return openapi


def _uploads() -> ModuleType:
    from functions.router import uploads  # noqa: PLC0415

    return uploads


def _usage() -> ModuleType:
    from functions.router import usage  # noqa: PLC0415

    return usage


def late(load: Callable[[], ModuleType], name: str) -> Callable[..., Awaitable[Response]]:
    """Return what serves as a module's function does, and loads the module when it is asked."""

    async def serve(*asked: object) -> Response:
        answer: Response = await getattr(load(), name)(*asked)
        return answer

    return serve


accept_job: Final = late(_jobs, "accept_job")
"""Accepts a call that comes with a deadline; takes the router and the call."""
openapi: Final = late(_openapi, "openapi")
"""Serves ``/openapi.json``; takes the request alone."""

ROUTES: Final = (
    ("/v1/models", "GET", "models", late(_models, "list_models")),
    ("/v1/models/{model}", "GET", "models", late(_models, "get_model")),
    ("/v1/budget", "GET", "budget", late(_budget, "list_budgets")),
    ("/v1/usage", "GET", "usage", late(_usage, "usage")),
    ("/v1/feedback", "POST", "feedback", late(_feedback, "feedback")),
    ("/v1/jobs/{job_id}", "GET", "jobs", late(_jobs, "get_job")),
    ("/v1/files", "POST", "batches", late(_files, "create_file")),
    ("/v1/files", "GET", "batches", late(_files, "list_files")),
    ("/v1/files/{file_id}", "GET", "batches", late(_files, "get_file")),
    ("/v1/files/{file_id}", "DELETE", "batches", late(_files, "delete_file")),
    ("/v1/files/{file_id}/content", "GET", "batches", late(_files, "file_content")),
    ("/v1/uploads", "POST", "batches", late(_uploads, "create_upload")),
    ("/v1/uploads/{upload_id}/parts", "POST", "batches", late(_uploads, "add_part")),
    ("/v1/uploads/{upload_id}/complete", "POST", "batches", late(_uploads, "complete_upload")),
    ("/v1/uploads/{upload_id}/cancel", "POST", "batches", late(_uploads, "cancel_upload")),
    ("/v1/batches", "POST", "batches", late(_batches, "create_batch")),
    ("/v1/batches", "GET", "batches", late(_batches, "list_batches")),
    ("/v1/batches/{batch_id}", "GET", "batches", late(_batches, "get_batch")),
    ("/v1/batches/{batch_id}/cancel", "POST", "batches", late(_batches, "cancel_batch")),
)
"""Path, method, the name of the door in logs, handler; errors are in OpenAI's shape."""

_A_MESSAGE_BATCH: Final = "/v1/messages/batches/{message_batch_id}"
MESSAGE_ROUTES: Final = (
    ("/v1/messages/count_tokens", "POST", "messages", late(_count_tokens, "count_tokens")),
    ("/v1/messages/batches", "POST", "batches", late(_message_batches, "create_message_batch")),
    ("/v1/messages/batches", "GET", "batches", late(_message_batches, "list_message_batches")),
    (_A_MESSAGE_BATCH, "GET", "batches", late(_message_batches, "get_message_batch")),
    (_A_MESSAGE_BATCH, "DELETE", "batches", late(_message_batches, "delete_message_batch")),
    (
        f"{_A_MESSAGE_BATCH}/cancel",
        "POST",
        "batches",
        late(_message_batches, "cancel_message_batch"),
    ),
    (
        f"{_A_MESSAGE_BATCH}/results",
        "GET",
        "batches",
        late(_message_batches, "message_batch_results"),
    ),
)
"""The same, with errors in Anthropic's shape."""
