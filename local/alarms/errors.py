"""What cannot be evaluated here.

AlarmError         an alarm, a composite alarm or a dashboard that this world cannot reproduce
└── MathError      a metric math expression that is wrong, or uses what is not reproduced
"""

from __future__ import annotations


class AlarmError(ValueError):
    """A declared alarm or dashboard that cannot be reproduced; says which part."""


class MathError(AlarmError):
    """A metric math expression that is wrong or uses what is not reproduced here."""
