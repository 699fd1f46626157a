"""CloudWatch alarms on this machine: moto keeps their declaration and evaluates none of them.

    declaration ──► definition ──► watch ──┬── points ──► data, windows, expression
                    (or composite)         ├── verdict     (M of N, missing data)
                                           └── change ──► message (what SNS is given)

All of it is pure: it is told the time and the data, and hands back what changed. Sources:
Amazon CloudWatch user guide, "Alarm evaluation", "Alarm evaluation window", "Configuring how
CloudWatch alarms treat missing data", "Using math expressions with CloudWatch metrics" and
"Create a composite alarm".
"""

from __future__ import annotations

from typing import Final

DIFFERENCES: Final = (
    "An alarm looks at its evaluation periods and at least five in all, two more than it needs "
    "where it needs more: AWS says of its own range only that it is longer than the periods.",
    "A data point counts once its minute has ended and is never late; AWS takes minutes more.",
    "When the clock is moved, alarms go through the minutes in between one after another, but "
    "what they tell arrives at the new time, and nothing ran in between: an alarm that takes "
    "silence for a fault fires. Move the clock in small steps to live through a day.",
    "Percentiles are the nearest rank of all values; CloudWatch estimates them.",
    "Metric math knows + - * / ^, comparisons, AND, OR, IF, FILL, METRICS, PERIOD, TIME_SERIES, "
    "ABS, CEIL, FLOOR, and SUM, AVG, MIN and MAX over arrays; an alarm that uses more fails the "
    "start.",
)
"""Where this evaluation is known to differ from CloudWatch's, for the list in docs/local.md."""
