"""What AWS's services publish of themselves: the AWS/* series of invocations and requests.

Metrics and dimensions: AWS Lambda developer guide, "Types of metrics for Lambda functions", and
API Gateway developer guide, "Amazon API Gateway dimensions and metrics". Each value is published
under every set of dimensions, because CloudWatch adds nothing up over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from local.alarms.data import Metric
from local.answered import Answered
from local.declared import Function, Resource, of_type
from local.emf import Datum
from local.invoked import Invoked
from shared.clock import utc

GATEWAY_METRICS = ("Count", "4XXError", "5XXError", "Latency", "IntegrationLatency")
FUNCTION_METRICS = ("Invocations", "Errors", "Throttles", "Duration")
QUEUE_METRICS = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateAgeOfOldestMessage",
)

Dimensions = dict[str, str]
Keep = Callable[[Datum], None]


@dataclass
class ServiceSeries:
    """Turns what happens at one stack's front door, functions and queues into metric values.

    ``function_sets`` has the sets of dimensions by function name, ``queue_sets`` by ARN.
    """

    api_sets: tuple[Dimensions, ...]
    function_sets: Mapping[str, tuple[Dimensions, ...]]
    queue_sets: Mapping[str, tuple[Dimensions, ...]]
    keep: Keep

    def answered(self, seen: Answered) -> None:
        """Publish one answer."""
        values = {
            "Count": (1.0, "Count"),
            "4XXError": (float(400 <= seen.status < 500), "Count"),
            "5XXError": (float(seen.status >= 500), "Count"),
            "Latency": (seen.latency, "Milliseconds"),
        }
        if seen.integration is not None:
            values["IntegrationLatency"] = (seen.integration, "Milliseconds")
        self._publish("AWS/ApiGateway", self.api_sets, values, seen.at)

    def invoked(self, seen: Invoked) -> None:
        """Publish one invocation; one that was throttled is none."""
        sets = self.function_sets.get(seen.function, ())
        if seen.throttled:
            self._publish("AWS/Lambda", sets, {"Throttles": (1.0, "Count")}, seen.at)
            return
        values = {
            "Invocations": (1.0, "Count"),
            "Errors": (float(seen.failed), "Count"),
            "Throttles": (0.0, "Count"),
            "Duration": (seen.seconds * 1000, "Milliseconds"),
        }
        self._publish("AWS/Lambda", sets, values, seen.at)

    def queues(self, depths: Mapping[str, Mapping[str, float]], at: float) -> None:
        """Publish what the stack's own queues hold, given by ARN and name of a metric."""
        for arn, sets in self.queue_sets.items():
            values = {
                metric: (value, "Seconds" if "Age" in metric else "Count")
                for metric, value in depths.get(arn, {}).items()
            }
            self._publish("AWS/SQS", sets, values, at)

    def emits(self, metric: Metric) -> bool:
        """Tell whether a series can ever have a value here."""
        names, sets = self._of(metric.namespace)
        dimensions = dict(metric.dimensions)
        return metric.name in names and any(dimensions == each for each in sets)

    def _of(self, namespace: str) -> tuple[Iterable[str], list[Dimensions]]:
        match namespace:
            case "AWS/ApiGateway":
                return GATEWAY_METRICS, list(self.api_sets)
            case "AWS/Lambda":
                return FUNCTION_METRICS, [d for sets in self.function_sets.values() for d in sets]
            case "AWS/SQS":
                return QUEUE_METRICS, [d for sets in self.queue_sets.values() for d in sets]
            case _:
                return (), []

    def _publish(
        self,
        namespace: str,
        sets: Iterable[Dimensions],
        values: Mapping[str, tuple[float, str]],
        at: float,
    ) -> None:
        for dimensions in sets:
            for name, (value, unit) in values.items():
                ordered = tuple(sorted(dimensions.items()))
                self.keep(Datum(namespace, name, ordered, unit, value, utc(at)))


def service_series(
    resources: Iterable[Resource], functions: Iterable[Function], keep: Keep
) -> ServiceSeries:
    """Return the series of a stack's declared API, functions and queues."""
    known = list(resources)
    return ServiceSeries(
        api_sets=tuple(_api_sets(known)),
        function_sets={each.name: _function_sets(each) for each in functions},
        queue_sets={
            str(queue.outputs["arn"]): ({"QueueName": str(queue.outputs["name"])},)
            for queue in of_type(known, "aws:sqs/queue:Queue")
        },
        keep=keep,
    )


def _api_sets(resources: list[Resource]) -> list[Dimensions]:
    stages = [str(s.inputs["stageName"]) for s in of_type(resources, "aws:apigateway/stage:Stage")]
    return [
        dimensions
        for api in of_type(resources, "aws:apigateway/restApi:RestApi")
        if (name := str(api.outputs.get("name") or api.name))
        for dimensions in ({"ApiName": name}, *({"ApiName": name, "Stage": s} for s in stages))
    ]


def _function_sets(function: Function) -> tuple[Dimensions, ...]:
    name, parts = function.name, function.invoked_arn.split(":")
    by_name = {"FunctionName": name}
    resource = f"{name}:{parts[7]}" if len(parts) > 7 else name
    by_resource = {**by_name, "Resource": resource}
    # Lambda tells versions apart for calls through an alias only.
    by_version = {**by_resource, "ExecutedVersion": function.version}
    return ({}, by_name, by_resource, *((by_version,) if resource != name else ()))
