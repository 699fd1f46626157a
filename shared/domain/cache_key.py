"""The exact cache's key: every field that can change the answer, and nothing else.

The digest covers the tenant, the policy version, the door, the controls that steer routing, and
the canonical request, length-prefixed so that no two sequences of parts can be confused. The
fields below cannot change what is answered, only how it is sent or accounted for. Anything
not listed is part of the key (OmniRoute #14484 left one out).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

NOT_IN_THE_ANSWER: Final = frozenset(
    {
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "sluice",
        "stream",
        "stream_options",
        "user",
    }
)

_canonical = msgspec.json.Encoder(order="deterministic")


def answer_digest(
    *,
    environment: str,
    team: str,
    policy_version: str,
    door: str,
    task: str | None,
    body: Mapping[str, Any],
) -> str:
    """Return the SHA-256, hex, under which one tenant's answer to one request is stored.

    A field that is null counts as absent, as every provider treats it.
    """
    request = {
        name: value
        for name, value in body.items()
        if name not in NOT_IN_THE_ANSWER and value is not None
    }
    parts = (environment, team, policy_version, door, task or "")
    digest = hashlib.sha256()
    for part in (*(part.encode() for part in parts), _canonical.encode(request)):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()
