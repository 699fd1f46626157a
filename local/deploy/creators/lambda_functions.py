"""Creates Lambda functions, their aliases and who may call them.

moto keeps the configuration; the code that runs comes from this checkout or from a bundle built
for this machine, so the function gets a token zip, and the declared bundle and layers stay unread.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any

from local.deploy.creation import Created, Creation
from local.deploy.inputs import Inputs

_OPTIONAL = {
    "architectures": "Architectures",
    "description": "Description",
    "memorySize": "MemorySize",
    "tags": "Tags",
    "timeout": "Timeout",
}


def function(creation: Creation) -> Created:
    """``aws:lambda/function:Function``."""
    name, inputs, client = creation.physical_name(), creation.inputs, creation.aws.lambda_
    made = client.create_function(
        FunctionName=name,
        Runtime=inputs["runtime"],
        Role=inputs["role"],
        Handler=inputs["handler"],
        Code={"ZipFile": _token_zip()},
        Environment={"Variables": _variables(inputs)},
        Publish=inputs.get("publish", False),
        **inputs.chosen(_OPTIONAL),
        **_disk(inputs),
        **_dead_letters(inputs),
    )
    reserved = inputs.get("reservedConcurrentExecutions")
    # -1 is the provider's word for no reserve.
    if reserved is not None and reserved >= 0:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    arn = creation.aws.arn("lambda", f"function:{name}")
    return Created(name, {"name": name, "arn": arn, "version": made["Version"]})


def alias(creation: Creation) -> Created:
    """``aws:lambda/alias:Alias``.

    A function has one version here, the first, and so an alias leads there whichever versions it
    names and however it shares the calls out between them.
    """
    name, function_name = creation.physical_name(), creation.inputs["functionName"]
    named = creation.inputs["functionVersion"]
    creation.inputs.get("routingConfig")
    client = creation.aws.lambda_
    versions = client.list_versions_by_function(FunctionName=function_name)["Versions"]
    made = client.create_alias(
        FunctionName=function_name,
        Name=name,
        FunctionVersion=named if any(v["Version"] == named for v in versions) else "1",
    )
    return Created(made["AliasArn"], {"name": name, "arn": made["AliasArn"]})


def permission(creation: Creation) -> Created:
    """``aws:lambda/permission:Permission``."""
    statement = creation.physical_name("statementId")
    creation.aws.lambda_.add_permission(
        StatementId=statement,
        **creation.inputs.chosen(
            {
                "action": "Action",
                "function": "FunctionName",
                "principal": "Principal",
                "qualifier": "Qualifier",
                "sourceArn": "SourceArn",
            }
        ),
    )
    return Created(statement, {"statementId": statement})


def _variables(inputs: Inputs) -> dict[str, str]:
    variables: dict[str, str] = inputs.part("environment").get("variables", {})
    return variables


def _disk(inputs: Inputs) -> dict[str, Any]:
    size = inputs.part("ephemeralStorage").get("size")
    return {"EphemeralStorage": {"Size": size}} if size else {}


def _dead_letters(inputs: Inputs) -> dict[str, Any]:
    target = inputs.part("deadLetterConfig").get("targetArn")
    return {"DeadLetterConfig": {"TargetArn": target}} if target else {}


def _token_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        bundle.writestr("README", "The local world runs other code than this zip.\n")
    return buffer.getvalue()


CREATORS = {
    "aws:lambda/function:Function": function,
    "aws:lambda/alias:Alias": alias,
    "aws:lambda/permission:Permission": permission,
}
