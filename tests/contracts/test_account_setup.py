"""``sluice account setup`` on moto: made once, found afterwards, changed by nobody else's role.

moto takes any text for the logging role; what API Gateway refuses is scripted here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.iam.models import AWSManagedPolicy, iam_backends
from typer.testing import CliRunner, Result

from cli.account_setup import PAUSES, POLICY, ROLE, Account
from cli.main import commands

REGION = "eu-central-1"
ACCOUNT = "123456789012"


@pytest.fixture
def aws() -> Iterator[None]:
    """Stand in for an account; of AWS's own policies, which moto reads for seconds, it has one."""
    path, _, name = POLICY.removeprefix("arn:aws:iam::aws:policy").rpartition("/")
    with mock_aws():
        policy = AWSManagedPolicy(name, ACCOUNT, REGION, document="{}", path=path + "/")
        iam_backends[ACCOUNT]["aws"].managed_policies[policy.arn] = policy
        yield


@pytest.fixture
def iam(aws: None) -> Any:
    return boto3.Session(region_name=REGION).client("iam")


@pytest.fixture
def gateway(aws: None) -> Any:
    return boto3.Session(region_name=REGION).client("apigateway")


@pytest.fixture
def setup(aws: None) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(
        commands(), ("account", "setup", "--region", REGION, *words)
    )


def states(told: Result) -> list[str]:
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    assert (report["account"], report["region"]) == (ACCOUNT, REGION)
    return [step["state"] for step in report["steps"]]


def point_to(gateway: Any, role_arn: str) -> None:
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role_arn}
    gateway.update_account(patchOperations=[change])


def make_all(account: Account) -> None:
    for step in account.steps():
        step.make()


def test_the_policy_is_one_of_awss_own() -> None:
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        policy = boto3.Session(region_name=REGION).client("iam").get_policy(PolicyArn=POLICY)
    assert policy["Policy"]["IsAttachable"] is True


def test_a_fresh_account_gets_the_role_once(
    setup: Callable[..., Result], iam: Any, gateway: Any
) -> None:
    assert states(setup("--json")) == ["made", "made", "made"]
    role = iam.get_role(RoleName=ROLE)["Role"]
    assert gateway.get_account()["cloudwatchRoleArn"] == role["Arn"]
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    [policy] = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    assert policy["PolicyArn"] == POLICY
    assert states(setup("--json")) == ["was there", "was there", "was there"]


def test_a_dry_run_says_what_is_missing_and_makes_nothing(
    setup: Callable[..., Result], iam: Any, gateway: Any
) -> None:
    assert states(setup("--json", "--dry-run")) == ["missing", "missing", "missing"]
    assert iam.list_roles()["Roles"] == []
    assert "cloudwatchRoleArn" not in gateway.get_account()


def test_another_region_of_the_account_shares_the_role(
    setup: Callable[..., Result], aws: None
) -> None:
    states(setup("--json"))
    other = CliRunner().invoke(commands(), ("account", "setup", "--region", "us-east-1", "--json"))
    assert [step["state"] for step in json.loads(other.stdout)["steps"]] == [
        "was there", "was there", "made",
    ]  # fmt: skip


def test_a_role_that_somebody_else_set_is_left_alone(
    setup: Callable[..., Result], iam: Any, gateway: Any
) -> None:
    arn = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    point_to(gateway, arn)
    assert states(setup("--json")) == ["was there"]
    assert arn in setup().stdout
    assert gateway.get_account()["cloudwatchRoleArn"] == arn
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["theirs"]


def test_a_role_that_is_gone_is_replaced(setup: Callable[..., Result], gateway: Any) -> None:
    point_to(gateway, "arn:aws:iam::123456789012:role/deleted-long-ago")
    assert states(setup("--json")) == ["made", "made", "made"]
    assert gateway.get_account()["cloudwatchRoleArn"].endswith(ROLE)


def test_a_detached_policy_is_attached_again(setup: Callable[..., Result], iam: Any) -> None:
    states(setup("--json"))
    iam.detach_role_policy(RoleName=ROLE, PolicyArn=POLICY)
    assert states(setup("--json")) == ["was there", "made", "was there"]


class Slow:
    """An API Gateway that does not know a new role for the first few tries."""

    def __init__(self, inner: Any, refusals: int, code: str = "BadRequestException") -> None:
        self._inner, self._code = inner, code
        self.refusals = refusals

    def get_account(self) -> Any:
        return self._inner.get_account()

    def update_account(self, **arguments: Any) -> Any:
        if self.refusals:
            self.refusals -= 1
            error = {"Code": self._code, "Message": "The role ARN does not have required ..."}
            raise ClientError({"Error": error}, "UpdateAccount")  # type: ignore[typeddict-item]
        return self._inner.update_account(**arguments)


def test_a_role_that_iam_has_not_spread_yet_is_tried_again(iam: Any, gateway: Any) -> None:
    pauses: list[float] = []
    account = Account(iam, Slow(gateway, 3), pauses.append)  # type: ignore[arg-type]
    make_all(account)
    assert gateway.get_account()["cloudwatchRoleArn"].endswith(ROLE)
    assert pauses == list(PAUSES[:3])


@pytest.mark.parametrize(("code", "tries"), [("BadRequestException", 6), ("AccessDenied", 1)])
def test_a_role_that_stays_refused_is_an_error(
    iam: Any, gateway: Any, code: str, tries: int
) -> None:
    slow = Slow(gateway, 100, code)
    account = Account(iam, slow, lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(ClientError, match=code):
        make_all(account)
    assert 100 - slow.refusals == tries


def test_credentials_that_lead_nowhere_are_one_line_and_status_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    told = CliRunner().invoke(commands(), ("account", "setup", "--region", REGION))
    assert told.exit_code == 1
    assert len(told.stdout.strip().splitlines()) == 1
    assert "connect" in told.stdout
