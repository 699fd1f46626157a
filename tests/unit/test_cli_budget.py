"""``sluice budget`` and the limits of ``sluice keys``, against AWS as moto plays it in process."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console
from typer.testing import CliRunner

from cli import budget, budget_books, connection, keys
from cli.main import commands
from shared.adapters.metric_totals import CloudWatchTotals
from shared.domain.budgets.seeds import Seed, Seeds
from shared.meters import Meter
from shared.resources import LEDGER_TABLE, resource_name
from shared.settings import RouterSettings, as_environment
from tests.contracts.operators import KEY, NOON, OWN, TEAM, Bench, on_dynamo
from tests.contracts.test_store import create_table

REGION = "us-east-1"
SEEDS = Seeds(environment=Seed(day_usd="500"), team=Seed(day_usd="5", month_usd="50"))
Run = Callable[..., str]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr(connection, "system_clock", lambda: 1_795_348_800.0)
    with mock_aws():
        client = boto3.client("dynamodb", region_name=REGION)
        create_table(client, LEDGER_TABLE.name("dev"), LEDGER_TABLE)
        yield client


@pytest.fixture
def bench(aws: Any) -> Bench:
    """Callers of the same stack."""
    found = on_dynamo(aws, LEDGER_TABLE.name("dev"))
    found.seeds = SEEDS
    return found


@pytest.fixture
def sluice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")
    # A console reads its width when it is made, which another test may have had done.
    for module in (budget, budget_books, keys):
        monkeypatch.setattr(module, "console", Console(highlight=False, width=200))

    def run(*words: str, status: int = 0) -> str:
        result = CliRunner().invoke(commands(), [*words, "--env", "dev"], env={"COLUMNS": "200"})
        assert result.exit_code == status, result.output
        return result.stdout if status == 0 else result.output

    return run


def deploy_router(**variables: str) -> None:
    """Create the stack's router with these variables beside its settings."""
    trusted = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam", region_name=REGION).create_role(
        RoleName="router", AssumeRolePolicyDocument=trusted
    )
    settings = RouterSettings(
        environment="dev", cache_table="c", ledger_table="l", jobs_table="j",
        batches_bucket="b", jobs_queue="q", providers=("openai",),
        provider_secrets={}, policy_version="p", baseline_model="gpt-6-astra",
        budgets=SEEDS,
    )  # fmt: skip
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as bundle:
        bundle.writestr("README", "x")
    boto3.client("lambda", region_name=REGION).create_function(
        FunctionName=resource_name("dev", "router"), Runtime="python3.13",
        Role=role["Role"]["Arn"], Handler="run.sh", Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {**as_environment(settings), **variables}},
    )  # fmt: skip


def test_a_cap_is_set_shown_and_written_down_with_who_set_it(sluice: Run, bench: Bench) -> None:
    bench.spend(10**9)
    told = json.loads(
        sluice("budget", "set", "team:search", "--day", "20", "--ladder", "50,60,70", "--json")
    )
    assert (told["before"]["day"]["cap_usd"], told["after"]["day"]["cap_usd"]) == ("5", "20")
    assert told["after"]["day"]["left_usd"] == "19"
    assert told["after"]["ladder"] == [50, 60, 70]
    [shown] = json.loads(sluice("budget", "show", "team:search", "--json"))
    assert shown == told["after"]
    [row] = json.loads(sluice("budget", "log", "--json"))
    assert row["who"].startswith("arn:aws:")
    assert (row["what"], row["budget"]) == ("set", "team:search")
    assert (row["before"]["day_cap_usd"], row["after"]["day_cap_usd"]) == ("5", "20")


def test_an_unused_budget_begins_with_the_settings_of_the_deployed_router(
    sluice: Run, bench: Bench
) -> None:
    deploy_router()
    sluice("budget", "set", "team:search", "--day", "1")
    team = bench.budget(TEAM)
    assert (team.day.cap, team.month.cap) == (10**9, 50 * 10**9)


@pytest.mark.usefixtures("bench")
def test_without_a_deployed_router_an_unused_budget_is_not_made_up(sluice: Run) -> None:
    refused = sluice("budget", "set", "team:search", "--day", "1", status=1)
    assert "sluice-dev-router" in refused
    deploy_router(SLUICE_BUDGETS="{")
    refused = sluice("budget", "set", "team:search", "--day", "1", status=1)
    assert "settings of sluice-dev-router" in refused


def test_all_budgets_are_listed_with_what_is_left_and_why_one_is_frozen(
    sluice: Run, bench: Bench
) -> None:
    deploy_router()
    bench.spend(2 * 10**9)
    sluice("budget", "freeze", "key:search.1f", "--reason", "[leaked]")
    sluice("budget", "raise", "team:search", "--by", "10", "--for", "4h", "--reason", "a launch")
    names = [each["budget"] for each in json.loads(sluice("budget", "show", "--json"))]
    assert names == ["environment", "team:search", "key:search.1f"]
    table = sluice("budget", "show")
    assert "key:search.1f is frozen: [leaked]" in table
    assert "team:search:day is raised by 10 until 2026-11-22T16:00:00Z" in table
    [team_day] = [
        line for line in table.splitlines() if "team:search:day " in line and "5 +10" in line
    ]
    assert "13.3%" in team_day
    assert bench.budget(OWN).frozen_because == "[leaked]"
    sluice("budget", "unfreeze", "key:search.1f")
    assert bench.budget(OWN).frozen_because is None
    log = sluice("budget", "log", "--since", "1h")
    assert "[leaked]" in log
    assert "day_raised_usd - → 10" in log


def test_a_raise_for_the_month_is_one(sluice: Run, bench: Bench) -> None:
    bench.spend(1)
    sluice("budget", "raise", "team:search", "--by", "1", "--for", "2d", "--reason", "x",
           "--period", "month")  # fmt: skip
    assert (bench.budget(TEAM).month.raised, bench.budget(TEAM).day.raised) == (10**9, 0)


def test_none_takes_a_cap_away(sluice: Run, bench: Bench) -> None:
    bench.spend(1)
    told = json.loads(sluice("budget", "set", "team:search", "--day", "none", "--json"))
    assert told["after"]["day"]["cap_usd"] is None
    assert told["after"]["month"]["cap_usd"] == "50"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("set", "team:search", "--day", "-5"), "--day"),
        (("set", "team:search", "--day", "5 dollars"), "--day"),
        (("set", "team:search", "--month", "0.0000000001"), "--month"),
        (("set", "team:search", "--ladder", "95,85,70"), "--ladder"),
        (("set", "team:search", "--ladder", "70,85"), "--ladder"),
        (("set", "team:search", "--on-limit", "never"), "--on-limit"),
        (("set", "team:search"), "--day"),
        (("raise", "team:search", "--by", "x", "--for", "4h", "--reason", "r"), "--by"),
        (("raise", "team:search", "--by", "1", "--for", "4 hours", "--reason", "r"), "--for"),
        (("raise", "team:search", "--by", "1", "--for", "0h", "--reason", "r"), "--for"),
        (("raise", "team:search", "--by", "1", "--for", "4h"), "--reason"),
        (("freeze", "team:search", "--reason", " "), "--reason"),
        (("log", "--since", "yesterday"), "--since"),
        (("audit", "--day", "22.11."), "--day"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_option(
    sluice: Run, words: tuple[str, ...], named: str
) -> None:
    assert named in sluice("budget", *words, status=2)


def test_what_this_budget_cannot_take_is_refused_and_changes_nothing(
    sluice: Run, bench: Bench
) -> None:
    bench.spend(1)
    standing = bench.budget(TEAM)
    assert "team:serach" in sluice("budget", "show", "team:serach", status=1)
    raised = ("--by", "0", "--for", "4h", "--reason", "r")
    assert "more than nothing" in sluice("budget", "raise", "team:search", *raised, status=1)
    assert "not frozen" in sluice("budget", "unfreeze", "team:search", status=1)
    assert bench.budget(TEAM) == standing


def test_a_sweep_says_what_it_ended(sluice: Run, bench: Bench) -> None:
    bench.reserve(400)
    bench.time[0] -= 2000
    bench.reserve(300)
    swept = json.loads(sluice("budget", "sweep", "--json"))
    assert swept["left"] == []
    assert [(each["request_id"], each["held_usd"]) for each in swept["ended"]] == [
        ("req_2", "0.0000003")
    ]
    assert "0 expired holds" in sluice("budget", "sweep")
    assert "team:search:day has 0.0000003 of it in doubt" in sluice("budget", "show", "team:search")
    assert bench.budget(TEAM).day.doubt == 300


def test_what_a_sweep_charges_is_in_the_metrics_that_the_ledger_is_compared_with(
    sluice: Run, bench: Bench
) -> None:
    bench.time[0] -= 2000
    bench.reserve(300)
    bench.reserve(100)
    sluice("budget", "sweep")
    sluice("budget", "sweep")
    client = boto3.client("cloudwatch", region_name=REGION)
    assert CloudWatchTotals(client, "dev").cost_nano(NOON - 3600, NOON + 3600) == 400
    assert {each["MetricName"] for each in client.list_metrics()["Metrics"]} == {
        Meter.COST.value,
        Meter.DOUBT.value,
    }


def test_who_may_not_put_metrics_sweeps_all_the_same_and_is_told(
    sluice: Run, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def refusing(client: Any, operation: str, parameters: Any) -> Any:
        if operation != "PutMetricData":
            return call(client, operation, parameters)
        error = {"Code": "AccessDenied", "Message": "not [you]"}
        raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item]

    bench.time[0] -= 2000
    bench.reserve(300)
    monkeypatch.setattr(BaseClient, "_make_api_call", refusing)
    words = ["budget", "sweep", "--env", "dev"]
    swept = CliRunner().invoke(commands(), words)
    assert (swept.exit_code, swept.stdout[:21]) == (0, "1 expired holds ended")
    assert "in no metric" in swept.stderr
    assert "not [you]" in swept.stderr
    assert bench.budget(TEAM).day.doubt == 300
    assert "in no metric" not in CliRunner().invoke(commands(), words).stderr, "nothing to tell"


def test_an_audit_with_findings_fails_and_lists_them(sluice: Run, bench: Bench, aws: Any) -> None:
    bench.spend(400)
    assert json.loads(sluice("budget", "audit", "--json")) == {
        "day": "2026-11-22", "budgets": 3, "moved_on": [], "findings": [],
    }  # fmt: skip
    aws.update_item(
        TableName=LEDGER_TABLE.name("dev"),
        Key={"pk": {"S": "search/budget"}, "sk": {"S": "team"}},
        UpdateExpression="ADD day_spent :one, day_avail :less",
        ExpressionAttributeValues={":one": {"N": "1"}, ":less": {"N": "-1"}},
    )
    told = sluice("budget", "audit", status=1)
    assert "I7" in told
    assert "team:search:day" in told


def test_what_aws_refuses_is_told_in_its_own_words(sluice: Run, aws: Any) -> None:
    aws.delete_table(TableName=LEDGER_TABLE.name("dev"))
    for words in (("show",), ("show", "environment"), ("sweep",), ("audit",)):
        assert "ResourceNotFoundException" in sluice("budget", *words, status=1)


def test_the_limits_of_a_key_are_kept_and_listed(sluice: Run) -> None:
    limits = ("--requests-per-minute", "60", "--in-flight", "4")
    made = json.loads(sluice("keys", "create", "ops", *limits, "--json"))
    assert made["limits"] == {
        "requests_per_minute": 60, "tokens_per_minute": None, "in_flight": 4,
    }  # fmt: skip
    [row] = json.loads(sluice("keys", "list", "--team", "ops", "--json"))
    assert row["limits"] == made["limits"]
    lines = sluice("keys", "list").splitlines()
    [line] = [line for line in lines if made["key_id"] in line]
    assert line.split("│")[4].strip() == "60 calls/min, 4 at once"
    assert KEY.key_id in "".join(lines)
    for wrong in ("0", "-1", "many"):
        told = sluice("keys", "create", "ops", "--tokens-per-minute", wrong, status=2)
        assert "--tokens-per-minute" in told
