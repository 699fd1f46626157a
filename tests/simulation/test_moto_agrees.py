"""The small DynamoDB does what boto3 on moto does, step by step and item by item."""

from __future__ import annotations

import pytest

from tests.simulation.expressions import Bindings, condition, update
from tests.simulation.moto_dynamo import moto_dynamo
from tests.simulation.plans import plan_of
from tests.simulation.world import World


def agree(seed: int) -> None:
    small = World(plan_of(seed)).run()
    with moto_dynamo() as moto:
        real = World(plan_of(seed), service=moto).run()
        assert real.trace.steps == small.trace.steps
        assert dict(moto.items()) == dict(small.service.items())


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_goes_the_same_way_on_moto(seed: int) -> None:
    agree(seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(6, 206))
def test_many_seeds_go_the_same_way_on_moto(seed: int) -> None:
    agree(seed)


@pytest.mark.parametrize("text", ["size(pk) > :n", "a = :a AND", "a BETWEEN :a :b", "a ? b"])
def test_a_condition_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        condition(text)


def test_what_begins_with_a_value_is_found() -> None:
    matches = condition("pk = :pk AND begins_with(sk, :within)")
    asked = {"ExpressionAttributeValues": {":pk": {"S": "a"}, ":within": {"S": "r/"}}}
    rows = [("a", "r/1"), ("a", "r"), ("a", "r-x/1"), ("b", "r/1"), ("a", "xr/1")]
    items = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in rows]
    found = [matches(item, Bindings(asked)) for item in items]
    assert found == [True, False, False, False, False]


def test_an_update_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises((ValueError, KeyError)):
        update("SET a = list_append(a, :b)")
