"""What a sweep by hand charges, in the metrics that a sweep of the guard's has from its log line.

A log line on Lambda becomes metrics; a line on a person's terminal does not, so they are put.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from cli.connection import Stack
from shared.clock import utc
from shared.meters import ENVIRONMENT, METRICS, NAMESPACE, Meter


class ChargedMetrics:
    """Adds up what is charged, as it is, and puts the sum once.

    A put whose answer is lost is sent again and counts twice: the ledger is exact, a metric is not.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._nano = 0

    def charged(self, nano: int) -> None:
        """Add nano-dollars that were charged in doubt; below zero, what is given back of them."""
        self._nano += nano

    def put(self) -> str | None:
        """Put the sum under the operator's credentials; returns why that was not possible.

        Without anything to tell AWS is not asked.
        """
        if not self._nano:
            return None
        data = [self._datum(name) for name in (Meter.COST, Meter.DOUBT)]
        try:
            self._stack.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return None

    def _datum(self, name: Meter) -> dict[str, object]:
        return {
            "MetricName": name.value,
            "Dimensions": [{"Name": ENVIRONMENT, "Value": self._stack.environment}],
            "Timestamp": utc(self._stack.clock()),
            "Value": self._nano,
            "Unit": METRICS[name].unit,
        }
