"""A setting's way: the stack's choice, what infra tells a function, what the function reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from infra import budget_guard, deferred_calls, plain_function, router
from infra.settings import StackSettings, parse_settings
from shared.settings import (
    PREFIX,
    FunctionSettings,
    GuardSettings,
    RouterSettings,
    WorkerSettings,
    as_environment,
    guard_settings,
    router_settings,
    worker_settings,
)
from tests.infra.bare import ROOT, Stack, run_with, stack_of

KINDS: Mapping[str, type[FunctionSettings]] = {
    "router": RouterSettings,
    "dispatcher": WorkerSettings,
    "collector": WorkerSettings,
    "budget-guard": GuardSettings,
}
READERS = {
    "router": router_settings,
    "dispatcher": worker_settings,
    "collector": worker_settings,
    "budget-guard": guard_settings,
}
SET_BY_THE_LOCAL_WORLD = {
    "clock_file": "AWS has the time; here it can be moved",
    "upstream_url": "on AWS the providers answer, here the simulator may",
    "batch_speedup": "nobody waits here for as long as a provider's batch takes",
}
THE_SAME_EVERYWHERE = {
    "whole_answer_seconds": "API Gateway's limit on silence decides, which is no stack's to choose",
    "first_byte_seconds": "how long a model is waited for goes with the limit on the whole answer",
    "stall_seconds": "how long a stream may be silent goes with the limit on the whole answer",
    "keep_alive_seconds": "API Gateway's limit on an idle stream decides",
}
"""They are settings so that tests can shorten them."""
NOT_FOR = {
    "dispatcher": {
        "webhook_secret": "the collector alone tells teams, so no other role reads the secret",
        "webhook_hosts": "as the secret",
    },
}
NAMED_OTHERWISE = {
    ("dispatcher", "memory_mb"): "worker_memory_mb",
    ("collector", "memory_mb"): "worker_memory_mb",
}
"""A function's setting that has another name among the stack's."""
FROM_THE_PLATFORM = {"POWERTOOLS_LOG_LEVEL", *router.ADAPTER_ENVIRONMENT}
TOLD = "TOLD"
of_each = pytest.mark.parametrize("function", KINDS)


def names(kind: type[msgspec.Struct]) -> set[str]:
    return set(kind.__struct_fields__)


@pytest.fixture(scope="module", params=["dev", "prod"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A declared stack whose functions' environments say which settings infra spelled out.

    Without that a forgotten one passes unseen: its default stands in the environment all the same.
    """
    made: dict[int, tuple[FunctionSettings, str]] = {}

    def recorded(kind: type[FunctionSettings]) -> Any:
        def make(**spelled: Any) -> FunctionSettings:
            settings = kind(**spelled)
            made[id(settings)] = settings, " ".join(spelled)
            return settings

        return make

    def told(settings: FunctionSettings) -> dict[str, str]:
        return {**as_environment(settings), TOLD: made[id(settings)][1]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(router, "RouterSettings", recorded(RouterSettings))
        patch.setattr(deferred_calls, "WorkerSettings", recorded(WorkerSettings))
        patch.setattr(budget_guard, "GuardSettings", recorded(GuardSettings))
        for module in (router, plain_function):
            patch.setattr(module, "as_environment", told)
        yield run_with(request.param)


def variables(stack: Stack, function: str) -> dict[str, str]:
    declared = stack.one("aws:lambda/function:Function", function)
    found: dict[str, str] = declared["environment"]["variables"]
    return found


def test_every_function_is_judged_here(stack: Stack) -> None:
    functions = {name for kind, name in stack.declared if kind == "aws:lambda/function:Function"}
    assert functions == set(KINDS)


@of_each
def test_infra_spells_out_every_setting_that_a_function_reads(stack: Stack, function: str) -> None:
    spelled = set(variables(stack, function)[TOLD].split())
    left_out = {*SET_BY_THE_LOCAL_WORLD, *THE_SAME_EVERYWHERE, *NOT_FOR.get(function, ())}
    assert spelled == names(KINDS[function]) - left_out


@of_each
def test_infra_tells_a_function_nothing_that_it_does_not_read(stack: Stack, function: str) -> None:
    told = variables(stack, function).keys() - {TOLD} - FROM_THE_PLATFORM
    assert told <= {PREFIX + name.upper() for name in names(KINDS[function])}


@of_each
def test_what_a_stack_chooses_is_what_its_functions_read(stack: Stack, function: str) -> None:
    file = stack_of(stack.outputs["environment"])
    config = {key.removeprefix("sluice:"): value for key, value in file.config.items()}
    region = config.pop("aws:region")
    chosen = parse_settings(file.stack, region, config)
    read = READERS[function](variables(stack, function))
    shared = {
        name: NAMED_OTHERWISE.get((function, name), name)
        for name in names(KINDS[function]) & names(StackSettings) - NOT_FOR.get(function, {}).keys()
    }
    if function == "collector" and not chosen.webhooks:
        del shared["webhook_hosts"]  # without webhooks there is nobody to tell
    assert len(shared) >= 3
    assert {name: getattr(read, name) for name in shared} == {
        name: getattr(chosen, theirs) for name, theirs in shared.items()
    }


def test_every_exception_is_a_setting_still() -> None:
    everything = set().union(*map(names, KINDS.values()))
    assert {*SET_BY_THE_LOCAL_WORLD, *THE_SAME_EVERYWHERE} <= everything
    for function, settings in NOT_FOR.items():
        assert settings.keys() <= names(KINDS[function])


def test_what_the_local_world_sets_is_what_infra_leaves_to_it() -> None:
    assert found_in("local", rf'"{PREFIX}([A-Z_]+)"') == {
        name.upper() for name in SET_BY_THE_LOCAL_WORLD
    }


def test_every_setting_of_a_function_is_read_by_one() -> None:
    read = found_in("shared/wiring", r"settings\.(\w+)") | found_in("functions", r"settings\.(\w+)")
    assert set().union(*map(names, KINDS.values())) <= read


def test_every_setting_of_a_stack_is_read_by_infra() -> None:
    assert names(StackSettings) <= found_in("infra", r"\b(?:stack|self)\.(\w+)")


def found_in(folder: str, pattern: str) -> set[str]:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / folder).rglob("*.py")]
    return {name for text in texts for name in re.findall(pattern, text)}
