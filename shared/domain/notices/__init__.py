"""What people are told: of budgets that fill, of alarms, and that something is over.

A *notice* is one thing to tell. What is found together goes out as one *message*, which is
written down in the same transaction as what it says people have been told.
"""

from shared.domain.notices.alarm_notices import AlarmChange, AlarmTold
from shared.domain.notices.audits import DailyDone
from shared.domain.notices.budget_notices import BudgetNotice, BudgetTold, budget_notice, level_of
from shared.domain.notices.incidents import IncidentTold
from shared.domain.notices.message import Message, Progress

Told = BudgetTold | AlarmTold | IncidentTold | DailyDone
"""What is remembered of what people know and of daily audits, one row for each."""

__all__ = [
    "AlarmChange",
    "AlarmTold",
    "BudgetNotice",
    "BudgetTold",
    "DailyDone",
    "IncidentTold",
    "Message",
    "Progress",
    "Told",
    "budget_notice",
    "level_of",
]
