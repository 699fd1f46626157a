"""What the program declares breaks no rule, but for what is waived with a reason."""

from __future__ import annotations

import re

import pytest

from tests.infra.bare import ENVIRONMENTS, ROOT, BareMocks, run, stack_of
from tests.policy.judging import Finding, broken_rules
from tests.policy.terraform import address
from tests.policy.waivers import Waiver, all_waivers

Found = dict[str, set[Finding]]
every_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


@pytest.fixture(scope="module")
def broken() -> Found:
    return {each: broken_rules(ROOT / "infra", stack_of(each)) for each in ENVIRONMENTS}


def unwaived(found: set[Finding], environment: str) -> list[Finding]:
    waivers = all_waivers()
    return sorted(f for f in found if not any(w.covers(f, environment) for w in waivers))


def unused(waivers: list[Waiver], found: Found) -> list[tuple[Waiver, str]]:
    return [
        (waiver, environment)
        for waiver in waivers
        for environment in waiver.environments
        if not any(waiver.covers(finding, environment) for finding in found[environment])
    ]


@every_environment
def test_no_rule_of_ours_is_broken(environment: str, broken: Found) -> None:
    assert unwaived(broken[environment], environment) == []


@every_environment
def test_checkov_finds_nothing_that_is_not_waived(environment: str, checkov: Found) -> None:
    left = unwaived(checkov[environment], environment)
    assert [f"{each.rule} {each.resource}" for each in left] == []


def test_every_waiver_of_ours_is_still_needed(broken: Found) -> None:
    assert unused([waiver for waiver in all_waivers() if waiver.rule], broken) == []


def test_every_waiver_of_checkov_s_is_still_needed(checkov: Found) -> None:
    assert unused([waiver for waiver in all_waivers() if waiver.check], checkov) == []


def test_a_waiver_that_nothing_needs_is_noticed(checkov: Found) -> None:
    idle = Waiver(check="CKV_AWS_120", resource="aws_api_gateway_stage.other", reason="none")
    assert unused([idle], checkov) == [(idle, each) for each in ENVIRONMENTS]


def test_every_waiver_names_one_check_or_rule_and_gives_its_reason() -> None:
    for waiver in all_waivers():
        assert (waiver.rule is None) != (waiver.check is None)
        assert len(waiver.reason.split()) >= 2, waiver
        assert set(waiver.environments) <= set(ENVIRONMENTS)


def test_a_type_that_checkov_would_pass_over_in_silence_stops_the_tests() -> None:
    with pytest.raises(LookupError, match="aws:new/thing:Thing"):
        address("aws:new/thing:Thing", "x")


def test_checkov_s_lock_holds_hashes_and_names_no_index() -> None:
    text = (ROOT / "requirements" / "policy.txt").read_text(encoding="utf-8")
    entries = re.findall(
        r"^[a-z0-9.-]+==\S+(?: ;[^\\\n]*)? ?\\\n(?:    --hash=sha256:.*\n)+", text, re.MULTILINE
    )
    assert "".join(entries) == text
    assert "://" not in text


@every_environment
def test_nothing_is_provisioned_to_run_while_nobody_calls(environment: str) -> None:
    declared = run(ROOT / "infra", stack_of(environment), BareMocks()).declared
    always_on = ("ec2", "ecs", "eks", "rds", "elasticache", "lb", "opensearch", "msk")
    kinds = {kind for kind, _ in declared}
    assert not [kind for kind in kinds if kind.split(":")[1].split("/")[0] in always_on]
    assert not [kind for kind in kinds if "provisionedConcurrency" in kind]
