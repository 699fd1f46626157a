"""What a Pulumi program declares, as Terraform JSON, which is what checkov can read.

Pulumi's AWS provider is Terraform's under other names: camelCase for snake_case, plurals for
repeated blocks, and a few names of its own. Ids and ARNs become references, so that checkov sees
which resource belongs to which.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from pulumi.runtime.mocks import MockResourceArgs

from tests.infra.bare import BareMocks, Stack

# A type that is not here stops the tests: checkov passes in silence over what it does not know.
TYPES: Final = {
    "aws:apigateway/deployment:Deployment": "aws_api_gateway_deployment",
    "aws:apigateway/integration:Integration": "aws_api_gateway_integration",
    "aws:apigateway/method:Method": "aws_api_gateway_method",
    "aws:apigateway/methodSettings:MethodSettings": "aws_api_gateway_method_settings",
    "aws:apigateway/resource:Resource": "aws_api_gateway_resource",
    "aws:apigateway/response:Response": "aws_api_gateway_gateway_response",
    "aws:apigateway/restApi:RestApi": "aws_api_gateway_rest_api",
    "aws:apigateway/stage:Stage": "aws_api_gateway_stage",
    "aws:budgets/budget:Budget": "aws_budgets_budget",
    "aws:cloudwatch/dashboard:Dashboard": "aws_cloudwatch_dashboard",
    "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "aws_cloudwatch_metric_alarm",
    "aws:dynamodb/table:Table": "aws_dynamodb_table",
    "aws:iam/role:Role": "aws_iam_role",
    "aws:iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
    "aws:kms/alias:Alias": "aws_kms_alias",
    "aws:kms/key:Key": "aws_kms_key",
    "aws:kms/keyPolicy:KeyPolicy": "aws_kms_key_policy",
    "aws:lambda/alias:Alias": "aws_lambda_alias",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "aws_lambda_event_source_mapping",
    "aws:lambda/function:Function": "aws_lambda_function",
    "aws:lambda/permission:Permission": "aws_lambda_permission",
    "aws:s3/bucket:Bucket": "aws_s3_bucket",
    "aws:s3/bucketAcl:BucketAcl": "aws_s3_bucket_acl",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        "aws_s3_bucket_lifecycle_configuration"
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "aws_s3_bucket_ownership_controls",
    "aws:s3/bucketPolicy:BucketPolicy": "aws_s3_bucket_policy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "aws_s3_bucket_public_access_block",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "aws_s3_bucket_server_side_encryption_configuration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": "aws_s3_bucket_versioning",
    "aws:scheduler/schedule:Schedule": "aws_scheduler_schedule",
    "aws:secretsmanager/secret:Secret": "aws_secretsmanager_secret",
    "aws:sns/topic:Topic": "aws_sns_topic",
    "aws:sns/topicPolicy:TopicPolicy": "aws_sns_topic_policy",
    "aws:sns/topicSubscription:TopicSubscription": "aws_sns_topic_subscription",
    "aws:sqs/queue:Queue": "aws_sqs_queue",
    "aws:sqs/queuePolicy:QueuePolicy": "aws_sqs_queue_policy",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "aws_sqs_queue_redrive_allow_policy",
    "aws:wafv2/webAcl:WebAcl": "aws_wafv2_web_acl",
    "aws:wafv2/webAclAssociation:WebAclAssociation": "aws_wafv2_web_acl_association",
}

_NAMES: Final = {
    ("aws_api_gateway_stage", "deployment"): "deployment_id",
    ("aws_cloudwatch_metric_alarm", "name"): "alarm_name",
    ("aws_lambda_function", "code"): "filename",
    ("aws_lambda_function", "name"): "function_name",
    ("aws_lambda_permission", "function"): "function_name",
    ("aws_sns_topic_subscription", "topic"): "topic_arn",
}

# Their keys are the program's own words and no part of the schema.
_MAPS: Final = frozenset(
    {
        "additionalVersionWeights",
        "dimensions",
        "responseParameters",
        "responseTemplates",
        "tags",
        "triggers",
        "variables",
    }
)

_REFERENCE = re.compile(r"(?:arn:aws:[\w-]*:[\w-]*:\d*:)?<<([\w.-]+)>>")


class ReferringMocks(BareMocks):
    """Mocks whose ids and ARNs say whose they are."""

    def identify(self, kind: str, name: str) -> str:
        return f"<<{address(kind, name)}.id>>"

    def invent(self, args: MockResourceArgs, inputs: dict[str, Any]) -> dict[str, Any]:
        whose = address(args.typ, args.name)
        # Programs take ARNs apart, so an ARN has all its parts.
        arn = f"arn:aws:mock:us-east-1:123456789012:<<{whose}"
        return {
            **super().invent(args, inputs),
            "arn": f"{arn}.arn>>",
            "executionArn": f"{arn}.execution_arn>>",
            "rootResourceId": f"<<{whose}.root_resource_id>>",
        }


def address(kind: str, name: str) -> str:
    """Return what Terraform calls a resource.

    The type stands in the name once more, because most of checkov's findings leave it out.
    """
    if kind not in TYPES:
        raise LookupError(f"say in tests/policy/terraform.py what Terraform calls {kind}")
    return f"{TYPES[kind]}.{_label(TYPES[kind], name)}"


def short_address(found: str) -> str:
    """Return what a finding is about as we write it: ``aws_iam_role.router-role``."""
    return found.rpartition(".")[2].replace("__", ".")


def _label(terraform_type: str, name: str) -> str:
    return f"{terraform_type}__{name}"


def as_terraform(stack: Stack) -> str:
    """Return the text of a ``main.tf.json`` that declares what the stack declares."""
    resources: dict[str, dict[str, Any]] = {}
    for (kind, name), inputs in stack.declared.items():
        terraform_type = TYPES[kind]
        blocks = {_name(terraform_type, key, v): _value(key, v) for key, v in inputs.items()}
        # Pulumi replaces a resource by creating the new one first.
        blocks["lifecycle"] = {"create_before_destroy": True}
        resources.setdefault(terraform_type, {})[_label(terraform_type, name)] = blocks
    return _REFERENCE.sub(r"${\1}", json.dumps({"resource": resources}, indent=1))


def _name(terraform_type: str, key: str, value: Any) -> str:
    if key == "restApi":
        return "rest_api_id"
    return _NAMES.get((terraform_type, key)) or _singular(_snake(key), value)


def _value(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_value(key, item) for item in value]
    if not isinstance(value, dict) or key in _MAPS:
        return value
    return {_singular(_snake(name), v): _value(name, v) for name, v in value.items()}


def _singular(name: str, value: Any) -> str:
    repeated = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
    return name.removesuffix("s") if repeated else name


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
