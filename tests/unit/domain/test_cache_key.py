"""Which requests share a stored answer, and which never do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.cache_key import NOT_IN_THE_ANSWER, answer_digest
from shared.domain.chat import ChatRequest

BODY: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}

names = st.text(min_size=1, max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(names, values, max_size=6)


def digest(body: dict[str, Any] | None = None, **changed: Any) -> str:
    facts: dict[str, Any] = {
        "environment": "dev", "team": "search", "policy_version": "p", "door": "chat", "task": None,
    }  # fmt: skip
    return answer_digest(**(facts | changed), body=BODY if body is None else body)


@given(bodies, teams := st.sampled_from(["a", "b", "ab"]), teams)
def test_two_tenants_never_share_a_digest(body: dict[str, Any], one: str, other: str) -> None:
    assert (digest(body, team=one) == digest(body, team=other)) == (one == other)


@given(bodies, bodies)
def test_different_requests_have_different_digests(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    def counted(body: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in body.items() if k not in NOT_IN_THE_ANSWER and v is not None}

    def same(a: Any, b: Any) -> bool:
        return repr_of(a) == repr_of(b)

    assert (digest(one) == digest(two)) == same(counted(one), counted(two))


def repr_of(value: Any) -> str:
    """Tell True from 1 and ignore the order of names, as JSON does."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{k!r}:{repr_of(v)}" for k, v in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(repr_of, value)) + "]"
    return repr(value)


def test_the_order_of_fields_does_not_matter() -> None:
    assert digest(dict(reversed(BODY.items()))) == digest()


@pytest.mark.parametrize("field", sorted(NOT_IN_THE_ANSWER))
def test_a_field_that_cannot_change_the_answer_is_left_out(field: str) -> None:
    assert digest(BODY | {field: "x"}) == digest()


@pytest.mark.parametrize("field", sorted(set(ChatRequest.__struct_fields__) - NOT_IN_THE_ANSWER))
def test_every_other_field_of_the_schema_is_in_the_key(field: str) -> None:
    assert digest(BODY | {field: "another value"}) != digest()


@pytest.mark.parametrize("fact", ["environment", "team", "policy_version", "door", "task"])
def test_every_fact_beside_the_body_is_in_the_key(fact: str) -> None:
    assert digest(None, **{fact: "another"}) != digest()


def test_neighbouring_parts_cannot_be_confused() -> None:
    assert digest(environment="dev", team="a") != digest(environment="de", team="va")
