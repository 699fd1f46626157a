"""The router's declared role, asked for real: what it may do on AWS and what it may not."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import DENIALS_PATH
from local.deploy import Deployment
from tests.infra.local_stack import LocalAws

CACHE, LEDGER = "sluice-dev-cache", "sluice-dev-ledger"
LOG = "/aws/lambda/sluice-dev-router"
DENIED = {"AccessDenied", "AccessDeniedException"}

Ask = Callable[["Session"], Any]


class Session:
    """Clients of one assumed role, made when asked for."""

    def __init__(self, aws: LocalAws, credentials: dict[str, str]) -> None:
        self._aws, self._credentials = aws, credentials
        self._clients: dict[str, Any] = {}

    def __getitem__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._aws.client(service, **self._credentials)
        return self._clients[service]


def key(partition: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": partition}, "sk": {"S": "row"}}


def get(table: str, *partitions: str) -> Ask:
    keys = [key(partition) for partition in partitions]
    return lambda s: s["dynamodb"].batch_get_item(RequestItems={table: {"Keys": keys}})


def put(table: str, partition: str) -> Ask:
    return lambda s: s["dynamodb"].put_item(TableName=table, Item=key(partition))


def update(table: str, partition: str) -> Ask:
    return lambda s: s["dynamodb"].update_item(**update_act(table, partition)["Update"])


def delete(table: str, partition: str) -> Ask:
    return lambda s: s["dynamodb"].delete_item(TableName=table, Key=key(partition))


def transaction(*acts: dict[str, Any]) -> Ask:
    return lambda s: s["dynamodb"].transact_write_items(TransactItems=list(acts))


def put_act(table: str, partition: str) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": key(partition)}}


def update_act(table: str, partition: str) -> dict[str, Any]:
    setting = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    return {"Update": {"TableName": table, "Key": key(partition), **setting}}


def delete_act(table: str, partition: str) -> dict[str, Any]:
    return {"Delete": {"TableName": table, "Key": key(partition)}}


def check_act(table: str, partition: str) -> dict[str, Any]:
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    return {"ConditionCheck": {"TableName": table, "Key": key(partition), **condition}}


def query(table: str, partition: str) -> Ask:
    return lambda s: s["dynamodb"].query(
        TableName=table,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": partition}},
    )


def read_secret(name: str) -> Ask:
    return lambda s: s["secretsmanager"].get_secret_value(SecretId=name)


def write_log(group: str) -> Ask:
    return lambda s: s["logs"].create_log_stream(logGroupName=group, logStreamName="new")


ALLOWED: Mapping[str, Ask] = {
    "an answer may be read": get(CACHE, "team/abc"),
    "an answer may be written": put(CACHE, "team/abc"),
    "an answer may be updated": update(CACHE, "team/abc"),
    "keys may be read": get(LEDGER, "team/keys", "other/keys"),
    "one key may be read": lambda s: s["dynamodb"].get_item(TableName=LEDGER, Key=key("a/keys")),
    "keys and answers may be read in one call": lambda s: s["dynamodb"].batch_get_item(
        RequestItems={LEDGER: {"Keys": [key("t/keys")]}, CACHE: {"Keys": [key("t/x")]}}
    ),
    "usage may be written": put(LEDGER, "team/usage/2026-11-22"),
    "usage may be listed": query(LEDGER, "team/usage/2026-11-22"),
    "feedback may be listed": query(LEDGER, "team/feedback/2026-11-22"),
    "feedback may be kept": put(LEDGER, "team/feedback/2026-11-22"),
    "rollups may be listed": query(LEDGER, "team/rollups"),
    "rollups may be kept and opened again": transaction(
        update_act(LEDGER, "team/rollups"), update_act(LEDGER, "other/rollups")
    ),
    "money may be held and the hold ended": transaction(
        put_act(LEDGER, "team/holds"),
        update_act(LEDGER, "team/budget"),
        update_act(LEDGER, "-/budget/3"),
    ),
    "a hold may be deleted": delete(LEDGER, "team/holds"),
    "keys and budgets may be read in one call": get(LEDGER, "t/keys", "t/budget", "-/budget/0"),
    "a transaction may write usage and an answer": transaction(
        put_act(LEDGER, "team/usage/2026-11-22"), update_act(CACHE, "team/z")
    ),
    "the own provider key may be read": read_secret("sluice/dev/providers/openai"),
    "the own log may be written": write_log(LOG),
    "everyone may ask who they are": lambda s: s["sts"].get_caller_identity(),
}

REFUSED: Mapping[str, Ask] = {
    "a key may not be minted": put(LEDGER, "team/keys"),
    "a key may not be altered": update(LEDGER, "team/keys"),
    "a key may not be minted in a transaction": transaction(put_act(LEDGER, "team/keys")),
    "one bad act spoils a transaction": transaction(
        put_act(LEDGER, "team/usage/2026-11-22"), update_act(LEDGER, "team/keys")
    ),
    "usage may not be read": get(LEDGER, "team/usage/2026-11-22"),
    "one bad partition spoils a batch": get(LEDGER, "team/keys", "team/usage/2026-11-22"),
    "usage may not be altered": update(LEDGER, "team/usage/2026-11-22"),
    "holds may not be listed": query(LEDGER, "team/holds"),
    "teams may not be listed": query(LEDGER, "teams"),
    "feedback may not be deleted": delete(LEDGER, "team/feedback/2026-11-22"),
    "feedback may not be altered": update(LEDGER, "team/feedback/2026-11-22"),
    "rollups may not be deleted": delete(LEDGER, "team/rollups"),
    "what operators did may not be read": get(LEDGER, "-/audit/2026-11"),
    "what operators did may not be written": put(LEDGER, "-/audit/2026-11"),
    "a budget may not be deleted": delete(LEDGER, "team/budget"),
    "usage may not be deleted": delete(LEDGER, "team/usage/2026-11-22"),
    "usage may not be deleted in a transaction": transaction(delete_act(LEDGER, "t/usage/d")),
    "a condition check is a permission of its own": transaction(check_act(CACHE, "team/a")),
    "answers may not be deleted": delete(CACHE, "team/abc"),
    "keys may not be queried": query(LEDGER, "team/keys"),
    "the ledger may not be scanned": lambda s: s["dynamodb"].scan(TableName=LEDGER),
    "another table may not be read": get("sluice-prod-cache", "team/abc"),
    "the table may not be dropped": lambda s: s["dynamodb"].delete_table(TableName=CACHE),
    "tables may not be listed": lambda s: s["dynamodb"].list_tables(),
    "another stack's secret may not be read": read_secret("sluice/prod/providers/openai"),
    "a secret may not be replaced": lambda s: s["secretsmanager"].put_secret_value(
        SecretId="sluice/dev/providers/openai", SecretString="x"
    ),
    "another log may not be written": write_log("/aws/lambda/other"),
    "metrics may not be put": lambda s: s["cloudwatch"].put_metric_data(
        Namespace="Sluice", MetricData=[{"MetricName": "m", "Value": 1}]
    ),
    "roles may not be changed": lambda s: s["iam"].list_roles(),
    "no other role may be assumed": lambda s: s["sts"].assume_role(
        RoleArn="arn:aws:iam::123456789012:role/sluice-dev-router", RoleSessionName="again"
    ),
    "a service nobody worked out is closed": lambda s: s["s3"].list_buckets(),
    "functions may not be invoked": lambda s: s["lambda"].invoke(FunctionName="sluice-dev-router"),
}


@pytest.fixture(scope="module")
def router(local_aws: LocalAws, dev: Deployment) -> Session:
    local_aws.client("secretsmanager").put_secret_value(
        SecretId=dev.outputs["provider_secrets"]["openai"], SecretString="sk-test"
    )
    role = dev.one("aws:lambda/function:Function", "router").inputs["role"]
    return Session(local_aws, local_aws.as_role(role))


@pytest.mark.parametrize("fact", ALLOWED)
def test_the_router_may(fact: str, router: Session) -> None:
    assert ALLOWED[fact](router)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("fact", REFUSED)
def test_the_router_may_not(fact: str, router: Session, local_aws: LocalAws) -> None:
    before = len(denials(local_aws))
    with pytest.raises(ClientError) as caught:
        REFUSED[fact](router)
    assert caught.value.response["Error"]["Code"] in DENIED
    assert "sluice-dev-router" in caught.value.response["Error"]["Message"]
    assert len(denials(local_aws)) == before + 1


def test_a_denial_tells_who_what_where_and_why(router: Session, local_aws: LocalAws) -> None:
    with pytest.raises(ClientError):
        put(LEDGER, "team/keys")(router)
    last = denials(local_aws)[-1]
    assert set(last) == {"time", "principal", "action", "resource", "reason"}
    assert last["principal"].endswith("assumed-role/sluice-dev-router/test")
    assert last["action"] == "dynamodb:PutItem"
    assert last["resource"].endswith(f"table/{LEDGER}")
    assert last["reason"] == "no policy allows it"


def test_a_refused_write_writes_nothing(router: Session, local_aws: LocalAws) -> None:
    partition = "nobody/keys"
    with pytest.raises(ClientError):
        transaction(put_act(CACHE, "kept/out"), put_act(LEDGER, partition))(router)
    admin = local_aws.client("dynamodb")
    for table, partition_key in ((LEDGER, partition), (CACHE, "kept/out")):
        assert "Item" not in admin.get_item(TableName=table, Key=key(partition_key))


def test_a_grant_taken_from_the_program_is_missing_at_run_time(local_aws: LocalAws) -> None:
    def without_put(kind: str, _name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(inputs).replace("sluice-staging", "sluice-maimed")
        if kind == "aws:iam/rolePolicy:RolePolicy":
            text = text.replace("dynamodb:PutItem", "dynamodb:DescribeTable")
        altered: dict[str, Any] = json.loads(text.replace("sluice/staging", "sluice/maimed"))
        return altered

    maimed = local_aws.deploy("staging", transform=without_put)
    role = maimed.one("aws:lambda/function:Function", "router").inputs["role"]
    session = Session(local_aws, local_aws.as_role(role))
    table = maimed.one("aws:dynamodb/table:Table", "cache").outputs["name"]
    update(table, "team/abc")(session)
    with pytest.raises(ClientError, match="AccessDenied"):
        put(table, "team/abc")(session)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("dynamodb", "UnrecognizedClientException"),
        ("lambda", "UnrecognizedClientException"),
        ("iam", "InvalidClientTokenId"),
    ],
)
def test_an_unknown_access_key_is_nobody(local_aws: LocalAws, service: str, code: str) -> None:
    stranger = {"aws_access_key_id": "AKIA" + "0" * 16, "aws_secret_access_key": "x"}
    calls = {"dynamodb": "list_tables", "lambda": "list_functions", "iam": "list_roles"}
    with pytest.raises(ClientError) as caught:
        getattr(local_aws.client(service, **stranger), calls[service])()
    assert caught.value.response["Error"]["Code"] == code


def test_a_session_token_must_be_the_role_s_own(local_aws: LocalAws, dev: Deployment) -> None:
    role = dev.one("aws:lambda/function:Function", "router").inputs["role"]
    forged = {**local_aws.as_role(role), "aws_session_token": "forged"}
    with pytest.raises(ClientError, match="UnrecognizedClient"):
        local_aws.client("dynamodb", **forged).get_item(TableName=CACHE, Key=key("a"))


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json", "/latest/meta-data/"])
def test_moto_s_back_doors_are_shut(local_aws: LocalAws, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(local_aws.url + path)  # noqa: S310 -- loopback


def denials(aws: LocalAws) -> list[dict[str, Any]]:
    with urllib.request.urlopen(aws.url + DENIALS_PATH) as answer:  # noqa: S310 -- loopback
        found: list[dict[str, Any]] = json.load(answer)
    return found
