"""What Claude models take and refuse, by family: facts that the wire format does not tell.

Checked 2026-11-22 against
https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5,
https://platform.claude.com/docs/en/models/sonnet-5-5/migration-guide and
https://platform.claude.com/docs/en/build-with-claude/effort.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Rules:
    """What a model takes. ``thinking_off`` is how thinking is turned off, where it can be."""

    takes_sampling: bool
    takes_effort: bool
    thinking_off: Literal["disabled", "between_tools"] | None
    can_force_tools: bool


_ANYTHING: Final = Rules(True, True, "disabled", True)

_FAMILIES: Final = (
    (r"claude-(?:fable|mythos)", Rules(False, True, None, False)),
    (r"claude-opus-5-5", Rules(False, True, None, False)),
    (r"claude-sonnet-5-5", Rules(False, True, "between_tools", False)),
    (r"claude-(?:opus-4-[78]|[a-z]+-[5-9])", Rules(False, True, "disabled", True)),
    (r"claude-(?:opus|sonnet)-4-6", Rules(True, True, "disabled", True)),
    (r"claude-", Rules(True, False, "disabled", True)),
)
"""The first that is found in the id of a model holds; ids may carry a cloud's prefix."""


def rules_of(model: str) -> Rules:
    """Return the rules of a model; one that is not a Claude refuses nothing here."""
    return next((rules for family, rules in _FAMILIES if re.search(family, model)), _ANYTHING)


def is_claude(model: str) -> bool:
    """Tell whether a model is a Claude, on whichever cloud."""
    return "claude-" in model
