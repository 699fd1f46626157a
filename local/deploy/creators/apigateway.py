"""Creates REST APIs and all that hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.deploy.creation import Created, Creation


def rest_api(creation: Creation) -> Created:
    """``aws:apigateway/restApi:RestApi``."""
    inputs, name = creation.inputs, creation.physical_name()
    endpoints = inputs.part("endpointConfiguration")
    made = creation.aws.apigateway.create_rest_api(
        name=name,
        endpointConfiguration={"types": [endpoints.get("types", "EDGE")]},
        **inputs.chosen(
            {
                "description": "description",
                "binaryMediaTypes": "binaryMediaTypes",
                "tags": "tags",
            }
        ),
    )
    outputs = {
        "name": name,
        "rootResourceId": made["rootResourceId"],
        "executionArn": creation.aws.arn("execute-api", made["id"]),
        "arn": f"arn:aws:apigateway:{creation.aws.region}::/restapis/{made['id']}",
    }
    return Created(made["id"], outputs)


def resource(creation: Creation) -> Created:
    """``aws:apigateway/resource:Resource``."""
    inputs = creation.inputs
    made = creation.aws.apigateway.create_resource(
        restApiId=inputs["restApi"], parentId=inputs["parentId"], pathPart=inputs["pathPart"]
    )
    return Created(made["id"], {"path": made["path"]})


def method(creation: Creation) -> Created:
    """``aws:apigateway/method:Method``."""
    inputs = creation.inputs
    place = inputs["restApi"], inputs["resourceId"], inputs["httpMethod"]
    creation.aws.apigateway.put_method(
        restApiId=place[0],
        resourceId=place[1],
        httpMethod=place[2],
        authorizationType=inputs["authorization"],
    )
    return Created("-".join(("agm", *place)))


def integration(creation: Creation) -> Created:
    """``aws:apigateway/integration:Integration``."""
    inputs = creation.inputs
    place = inputs["restApi"], inputs["resourceId"], inputs["httpMethod"]
    creation.aws.apigateway.put_integration(
        restApiId=place[0],
        resourceId=place[1],
        httpMethod=place[2],
        type=inputs["type"],
        **inputs.chosen(
            {
                "integrationHttpMethod": "integrationHttpMethod",
                "uri": "uri",
                "timeoutMilliseconds": "timeoutInMillis",
                "responseTransferMode": "responseTransferMode",
            }
        ),
    )
    return Created("-".join(("agi", *place)))


def gateway_response(creation: Creation) -> Created:
    """``aws:apigateway/response:Response``."""
    inputs = creation.inputs
    api, kind = inputs["restApiId"], inputs["responseType"]
    creation.aws.apigateway.put_gateway_response(
        restApiId=api,
        responseType=kind,
        **inputs.chosen(
            {
                "statusCode": "statusCode",
                "responseParameters": "responseParameters",
                "responseTemplates": "responseTemplates",
            }
        ),
    )
    return Created(f"aggr-{api}-{kind}")


def deployment(creation: Creation) -> Created:
    """``aws:apigateway/deployment:Deployment``; its triggers concern later deployments only."""
    made = creation.aws.apigateway.create_deployment(restApiId=creation.inputs["restApi"])
    return Created(made["id"])


def stage(creation: Creation) -> Created:
    """``aws:apigateway/stage:Stage``."""
    inputs, aws = creation.inputs, creation.aws
    api, name = inputs["restApi"], inputs["stageName"]
    aws.apigateway.create_stage(
        restApiId=api,
        stageName=name,
        deploymentId=inputs["deployment"],
        tags=inputs.get("tags", {}),
    )
    _log_access(creation, api, name)
    outputs = {
        "invokeUrl": f"https://{api}.execute-api.{aws.region}.amazonaws.com/{name}",
        "executionArn": aws.arn("execute-api", f"{api}/{name}"),
        "arn": f"arn:aws:apigateway:{aws.region}::/restapis/{api}/stages/{name}",
    }
    return Created(f"ags-{api}-{name}", outputs)


def _log_access(creation: Creation, api: str, stage: str) -> None:
    chosen = creation.inputs.part("accessLogSettings").chosen(
        {"destinationArn": "destinationArn", "format": "format"}
    )
    if chosen:
        _change_stage(
            creation, api, stage, {f"/accessLogSettings/{k}": v for k, v in chosen.items()}
        )


def method_settings(creation: Creation) -> Created:
    """``aws:apigateway/methodSettings:MethodSettings``."""
    inputs = creation.inputs
    api, name, path = inputs["restApi"], inputs["stageName"], inputs["methodPath"]
    settings = inputs.part("settings").chosen(_METHOD_SETTINGS)
    _change_stage(creation, api, name, {f"/{path}/{key}": v for key, v in settings.items()})
    return Created(f"{api}-{name}-{path}")


_METHOD_SETTINGS = {
    "throttlingRateLimit": "throttling/rateLimit",
    "throttlingBurstLimit": "throttling/burstLimit",
    "loggingLevel": "logging/loglevel",
    "dataTraceEnabled": "logging/dataTrace",
}


def _change_stage(creation: Creation, api: str, stage: str, values: Mapping[str, Any]) -> None:
    creation.aws.apigateway.update_stage(
        restApiId=api,
        stageName=stage,
        patchOperations=[
            {"op": "replace", "path": path, "value": _as_patch(value)}
            for path, value in values.items()
        ],
    )


def _as_patch(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


CREATORS = {
    "aws:apigateway/restApi:RestApi": rest_api,
    "aws:apigateway/resource:Resource": resource,
    "aws:apigateway/method:Method": method,
    "aws:apigateway/integration:Integration": integration,
    "aws:apigateway/response:Response": gateway_response,
    "aws:apigateway/deployment:Deployment": deployment,
    "aws:apigateway/stage:Stage": stage,
    "aws:apigateway/methodSettings:MethodSettings": method_settings,
}
