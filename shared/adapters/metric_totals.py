"""What metrics add up to, asked of CloudWatch once a day."""

from __future__ import annotations

from typing import Any, Final

from shared.clock import utc
from shared.meters import ENVIRONMENT, NAMESPACE, Meter

_PERIOD_SECONDS: Final = 3600


class CloudWatchTotals:
    """Implements :class:`shared.ports.notices.MetricTotals`."""

    def __init__(self, client: Any, environment: str) -> None:
        self._client = client
        self._environment = environment

    def cost_nano(self, since: float, until: float) -> int:
        """Add the hours' sums up; CloudWatch keeps them as floats, exact far beyond a day's cost.

        Beyond 2^53 nano-dollars ($9 million) an hour the last digits are rounded.
        """
        found = self._client.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=Meter.COST.value,
            Dimensions=[{"Name": ENVIRONMENT, "Value": self._environment}],
            StartTime=utc(since),
            EndTime=utc(until),
            Period=_PERIOD_SECONDS,
            Statistics=["Sum"],
        )
        return sum(round(point["Sum"]) for point in found["Datapoints"])
