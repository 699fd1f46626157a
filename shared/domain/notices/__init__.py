"""What people are told: of budgets that fill, of alarms, and that something is over.

A *notice* is one thing to tell. What is found together goes out as one *message*, which is
written down in the same transaction as what it says people have been told.
"""

from shared.domain.notices.alarm_notices import AlarmChange, AlarmNotice, AlarmTold
from shared.domain.notices.budget_notices import BudgetNotice, BudgetTold, budget_notice, level_of
from shared.domain.notices.message import Message, Progress

__all__ = [
    "AlarmChange",
    "AlarmNotice",
    "AlarmTold",
    "BudgetNotice",
    "BudgetTold",
    "Message",
    "Progress",
    "budget_notice",
    "level_of",
]
