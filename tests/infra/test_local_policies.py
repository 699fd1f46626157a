from __future__ import annotations

from typing import Any

import pytest

from local.aws.policies import Ask, judge

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/answers"
LEADING = "dynamodb:LeadingKeys"
GET = Ask("dynamodb:GetItem", TABLE, {LEADING: ["a/keys", "b/keys"]})


def statement(effect: str = "Allow", **parts: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "dynamodb:GetItem", "Resource": TABLE, **parts}


def condition(operator: str, pattern: Any, key: str = LEADING) -> dict[str, Any]:
    return statement(Condition={operator: {key: pattern}})


def without(element: str, **parts: Any) -> dict[str, Any]:
    whole = statement(**parts)
    return {name: value for name, value in whole.items() if name != element}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(Action="dynamodb:Get*")], True),
        ([statement(Action="DYNAMODB:getitem")], True),
        ([statement(Action=["dynamodb:PutItem", "dynamodb:?etItem"])], True),
        ([statement(Action="dynamodb:PutItem")], False),
        ([statement(Resource="*")], True),
        ([statement(Resource=TABLE + "-old")], False),
        ([statement(Resource=TABLE.replace("answers", "a*s"))], True),
        ([statement(Resource=TABLE.replace("answers", "[a]nswers"))], False),
        ([statement(), statement("Deny")], False),
        ([statement(), statement("Deny", Action="dynamodb:Put*")], True),
        ([without("Action", NotAction="dynamodb:Put*")], True),
        ([without("Action", NotAction="dynamodb:Get*")], False),
        ([without("Resource", NotResource="*/secret")], True),
        ([without("Resource", NotResource=TABLE)], False),
        ([condition("ForAllValues:StringLike", "*/keys")], True),
        ([condition("ForAllValues:StringLike", "a/*")], False),
        ([condition("ForAllValues:StringEquals", ["a/keys", "b/keys"])], True),
        ([condition("ForAllValues:StringEquals", ["a/keys"])], False),
        ([condition("ForAllValues:StringEquals", "*/keys")], False),
        ([condition("StringLike", "*", "cloudwatch:namespace")], False),
        ([condition("ForAllValues:StringLike", "none", "cloudwatch:namespace")], True),
    ],
)
def test_policies_are_judged_as_on_aws(statements: list[dict[str, Any]], allowed: bool) -> None:
    assert judge([{"Statement": statements}], GET).allowed is allowed


def test_a_lone_statement_needs_no_list() -> None:
    assert judge([{"Statement": statement()}], GET).allowed


@pytest.mark.parametrize(
    ("unreadable", "named"),
    [
        (condition("NumericLessThan", "3"), "NumericLessThan"),
        (condition("ForAnyValue:StringLike", "*"), "ForAnyValue:StringLike"),
        (condition("StringEquals", "x", "aws:SourceIp"), "aws:SourceIp"),
        (condition("ForAllValues:StringLike", "${aws:username}/*"), "${aws:username}"),
        (statement(Resource="${aws:username}"), "${aws:username}"),
    ],
)
def test_what_the_judge_cannot_read_it_refuses_by_name(
    unreadable: dict[str, Any], named: str
) -> None:
    verdict = judge([{"Statement": [statement(), unreadable]}], GET)
    assert not verdict.allowed
    assert named in verdict.reason
