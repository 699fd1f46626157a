"""Every environment's stack in one account: nothing that one declares is another's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import combinations, permutations
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.deploy import Declared, Deployment
from shared.resources import secret_name
from tests.infra.bare import ENVIRONMENTS, ROOT
from tests.infra.local_stack import LocalAws
from tests.infra.test_local_iam import Ask, Session, get, put, read_secret, write_log

# What several stacks name alike, because it belongs to neither.
NOBODYS = (
    "arn:aws:lambda:us-east-1:753240598075:layer:",  # the Web Adapter's publisher
    "arn:aws:iam::aws:policy/",  # AWS's own policies
    "arn:aws:iam::123456789012:root",  # the account itself
)
# Their names count within their parent only, which is another one in every stack.
NAMED_WITHIN_A_PARENT = {"aws:lambda/alias:Alias"}


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a structure, those inside JSON texts (policies) too."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for content in value:
            yield from texts(content)
    elif isinstance(value, str):
        yield value
        if value.startswith('{"'):
            yield from texts(json.loads(value))


def belongings(stack: Deployment) -> set[str]:
    """Return every id, physical name, ARN, URL and log group that a stack declares or has."""
    found = {str(each.outputs["id"]) for each in stack.resources}
    found |= {name for each in stack.resources for name in _names(each)}
    said = texts([[each.inputs, each.outputs] for each in stack.resources])
    found |= {text for text in said if text.startswith(("arn:", "https://", "/aws/"))}
    return {text for text in found if not text.startswith(NOBODYS)}


def _names(resource: Declared) -> list[str]:
    named = "name" in resource.outputs and resource.type not in NAMED_WITHIN_A_PARENT
    return [str(resource.outputs["name"])] if named else []


@pytest.mark.parametrize(("one", "other"), list(combinations(ENVIRONMENTS, 2)))
def test_two_environments_share_no_name_id_or_arn(
    environments: Mapping[str, Deployment], one: str, other: str
) -> None:
    ours, theirs = belongings(environments[one]), belongings(environments[other])
    assert {f"sluice-{one}-ledger", f"/aws/lambda/sluice-{one}-router"} <= ours
    assert ours & theirs == set()


@pytest.mark.parametrize(("one", "other"), list(permutations(ENVIRONMENTS, 2)))
def test_nothing_an_environment_declares_speaks_of_another(
    environments: Mapping[str, Deployment], one: str, other: str
) -> None:
    said = list(texts([dict(each.inputs) for each in environments[one].resources]))
    assert any(f"sluice-{one}-" in text for text in said)
    marks = (f"sluice-{other}-", f"sluice/{other}/")
    assert [text for text in said if any(mark in text for mark in marks)] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_tag_and_metric_names_the_environment(
    environments: Mapping[str, Deployment], environment: str
) -> None:
    stack = environments[environment]
    tagged = [each.inputs["tags"] for each in stack.resources if "tags" in each.inputs]
    assert tagged
    assert {tags["environment"] for tags in tagged} == {environment}
    variables = stack.one("aws:lambda/function:Function", "router").inputs["environment"]
    # The router's meters take their one dimension from here.
    assert variables["variables"]["SLUICE_ENVIRONMENT"] == environment


def foreign(environment: str) -> Mapping[str, Ask]:
    """Return what a router of another environment must not be able to do in this one."""
    cache, ledger = f"sluice-{environment}-cache", f"sluice-{environment}-ledger"
    return {
        "read an answer": get(cache, "team/abc"),
        "plant an answer": put(cache, "team/abc"),
        "read keys": get(ledger, "team/keys"),
        "book usage": put(ledger, "team/usage/2026-11-22"),
        "read a provider's key": read_secret(secret_name(environment, "openai")),
        "write to the log": write_log(f"/aws/lambda/sluice-{environment}-router"),
    }


@pytest.mark.parametrize(("one", "other"), list(permutations(ENVIRONMENTS, 2)))
def test_a_router_can_do_nothing_in_another_environment(
    environments: Mapping[str, Deployment], local_aws: LocalAws, one: str, other: str
) -> None:
    role = environments[one].one("aws:lambda/function:Function", "router").inputs["role"]
    session = Session(local_aws, local_aws.as_role(role))
    assert get(f"sluice-{one}-cache", "team/abc")(session)["ResponseMetadata"]
    for fact, ask in foreign(other).items():
        with pytest.raises(ClientError, match="AccessDenied"):
            pytest.fail(f"{one} could {fact} of {other}: {ask(session)}")


def test_only_prods_ledger_refuses_to_be_deleted(
    environments: Mapping[str, Deployment], local_aws: LocalAws
) -> None:
    dynamodb = local_aws.client("dynamodb")
    protected = {
        name: dynamodb.describe_table(TableName=stack.outputs["ledger_table"])["Table"][
            "DeletionProtectionEnabled"
        ]
        for name, stack in environments.items()
    }
    assert protected == {"dev": False, "staging": False, "prod": True}
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        dynamodb.delete_table(TableName="sluice-prod-ledger")
    tables = dynamodb.list_tables()["TableNames"]
    assert "sluice-prod-ledger" in tables


def test_each_environment_is_sized_by_its_own_file(
    environments: Mapping[str, Deployment], local_aws: LocalAws
) -> None:
    client = local_aws.client("lambda")
    sizes = {
        name: client.get_function_configuration(FunctionName=stack.outputs["router_function"])[
            "MemorySize"
        ]
        for name, stack in environments.items()
    }
    assert sizes == {"dev": 512, "staging": 1024, "prod": 1024}
    secrets = {name: set(stack.outputs["provider_secrets"]) for name, stack in environments.items()}
    assert secrets["dev"] == {"openai", "anthropic"}
    assert secrets["prod"] == secrets["staging"] == {"openai", "xai"}


def test_every_stack_file_is_judged_here() -> None:
    files = {file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml")}
    assert files == set(ENVIRONMENTS)
