"""Every way a call can be refused, as one tree; the HTTP status and code stand beside the class.

GatewayError
├── InvalidRequest            400  the caller's body or headers; ``param`` names the field
│   ├── NotAvailable          400  a control that exists in the contract but is not built yet
│   ├── NoBatchApi            400  a deferred call to a model that answers at once only
│   ├── UnknownModel          400  a model that is not in the catalog or not enabled here
│   ├── UnknownRequest        400  feedback on an answer that this team was never given
│   └── UnpricedModel         400  a model without a price: never treated as free
├── Unauthorized              401  no key, a malformed key, an unknown or revoked key
├── BudgetExceeded            402  a hard budget refuses; 402 because SDKs retry a 429
│   ├── BudgetFrozen          402  an operator froze it
│   └── CallTooDear           402  one call may cost more than its share, or than it was told to
├── RouteNotFound             404
├── ObjectNotFound            404  a file, an upload or a batch that this team does not have
├── JobNotFound               404  a job that this team has not
├── MethodNotAllowed          405
├── BodyTooLarge              413
├── IdempotencyConflict       409  the first call under this Idempotency-Key is still going on
├── IdempotencyMismatch       422  this Idempotency-Key came with another body before
├── KeyLimited                429  the key's own limit of calls, tokens or calls at once
├── UpstreamRateLimited       429  the provider's limit, with its Retry-After
├── UpstreamFailed            502  the provider failed or answered nonsense
├── StoreUnavailable          503  our tables or secrets: fail closed, no provider call
└── UpstreamTimedOut          504  no complete answer in time: stream or defer instead

Each door renders these in its own shape; see ``functions/router/errors.py``.
"""

from __future__ import annotations

from collections.abc import Mapping


class GatewayError(Exception):
    """A refusal with everything a door needs to render it."""

    status = 500
    type = "server_error"
    code: str | None = "internal_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers: dict[str, str] = {}
        self.facts: dict[str, object] = {}
        """What a program may want to read; told as the error's ``sluice`` object."""
        self.is_settled = False
        """Whether the request was already counted when its usage entry was settled."""


class InvalidRequest(GatewayError):
    """The caller's body or headers make no sense; ``param`` names the field."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class NotAvailable(InvalidRequest):
    """A control of the contract that this version does not honour, so it is refused."""

    code = "not_available"

    def __init__(self, name: str, instead: str) -> None:
        super().__init__(f"{name} is not available in this version. {instead}", param=name)


class NoBatchApi(InvalidRequest):
    """A deferred call to a model whose provider takes no batches."""

    code = "no_batch_api"

    def __init__(self, model: str, provider: str) -> None:
        super().__init__(
            f"{model} cannot be deferred: {provider} has no batch API that the gateway speaks. "
            "Send the call without a deadline, or ask for another model.",
            param="model",
        )


class UnknownModel(InvalidRequest):
    """A model that the catalog does not hold or this environment does not enable."""

    code = "model_not_found"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model {model!r} is not available here. "
            "GET /v1/models lists the models, tiers and `auto`.",
            param="model",
        )


class UnknownRequest(InvalidRequest):
    """A request id under which this team was given no answer; says the same of another team's."""

    code = "request_not_found"

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"Your team was given no answer under {request_id!r}. "
            "Every answer has its id in the header x-request-id.",
            param="request_id",
        )


class UnpricedModel(InvalidRequest):
    """A model without a price in force: an unknown price is an error, never zero."""

    code = "model_unpriced"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model {model!r} has no price in force, so it cannot be called. "
            "Add a dated price row for it to the catalog.",
            param="model",
        )


class Unauthorized(GatewayError):
    """No usable key; says the same whether the key is unknown or revoked."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers["www-authenticate"] = "Bearer"


class BudgetExceeded(GatewayError):
    """A hard budget has no room for the call; ``facts`` say which, and when it begins anew."""

    status = 402
    type = "budget_exceeded"
    code = "budget_exceeded"

    def __init__(self, message: str, facts: Mapping[str, object]) -> None:
        super().__init__(message)
        self.facts |= facts


class BudgetFrozen(BudgetExceeded):
    """An operator froze the budget."""

    code = "budget_frozen"


class CallTooDear(BudgetExceeded):
    """One call may cost more than one call is allowed to."""

    code = "call_too_dear"


class KeyLimited(GatewayError):
    """The key has used up what it may do in a minute, or at once."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.headers["retry-after"] = str(retry_after_seconds)


class RouteNotFound(GatewayError):
    """A path the gateway does not serve."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class ObjectNotFound(GatewayError):
    """Nothing of this id is this team's; says the same of another team's and of what expired."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"

    def __init__(self, what: str, name: str, param: str) -> None:
        super().__init__(f"Your team has no {what} {name[:100]!r}.", param=param)


class JobNotFound(GatewayError):
    """A job id under which this team has no job; says the same of another team's."""

    status = 404
    type = "invalid_request_error"
    code = "job_not_found"

    def __init__(self, job: str) -> None:
        super().__init__(f"Your team has no job {job!r}. Answers are kept for 30 days.", param="id")


class MethodNotAllowed(GatewayError):
    """A served path with another method."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class BodyTooLarge(GatewayError):
    """A body over this route's limit."""

    status = 413
    type = "invalid_request_error"
    code = "body_too_large"

    def __init__(self, limit_bytes: int, instead: str = "") -> None:
        about = f"The body is larger than this route's limit of {limit_bytes} bytes."
        super().__init__(f"{about} {instead}".rstrip())


class IdempotencyConflict(GatewayError):
    """The first call under an Idempotency-Key has not ended yet."""

    status = 409
    type = "idempotency_error"
    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__("The first call with this Idempotency-Key is still going on. Retry later.")
        self.param = "Idempotency-Key"


class IdempotencyMismatch(GatewayError):
    """An Idempotency-Key that came with another body before."""

    status = 422
    type = "idempotency_error"
    code = "idempotency_mismatch"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came with another body before. Use a new key.")
        self.param = "Idempotency-Key"


class UpstreamRateLimited(GatewayError):
    """The provider's own rate limit; ``retry_after`` is whole seconds where it said so."""

    status = 429
    type = "rate_limit_error"
    code = "upstream_rate_limited"

    def __init__(self, provider: str, retry_after: str | None) -> None:
        super().__init__(f"{provider} is limiting the rate of calls. Retry after a pause.")
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            self.headers["retry-after"] = retry_after


class UpstreamFailed(GatewayError):
    """The provider failed, cut its answer short or sent something that is not an answer.

    ``may_bill`` is false only where the failure provably came before the provider took the
    call: a refused connection, or an error status instead of an answer.
    """

    status = 502
    type = "upstream_error"
    code = "upstream_failed"

    def __init__(self, message: str, *, may_bill: bool = True) -> None:
        super().__init__(message)
        self.may_bill = may_bill


class StoreUnavailable(GatewayError):
    """Our own tables or secrets cannot be reached; nothing was sent to a provider."""

    status = 503
    type = "service_unavailable"
    code = "store_unavailable"

    def __init__(self, what: str) -> None:
        super().__init__(f"The {what} cannot be reached, so nothing was sent to a provider. Retry.")


class UpstreamTimedOut(GatewayError):
    """No complete answer within the time that a call may take."""

    status = 504
    type = "upstream_timeout"
    code = "upstream_timed_out"
