"""The budget guard's work: look at all budgets and alarms, and tell people what is new, once.

What is new is decided from the ledger and from what people have been told before, never from
what woke the guard. So it does not matter how often it is woken, by how many at once, or by what:
one of them writes the message down, and the others find that it was told.
"""

from shared.usecases.guarding.alarms import is_of_budget, is_of_money
from shared.usecases.guarding.guard import Guard, Guarded

__all__ = ["Guard", "Guarded", "is_of_budget", "is_of_money"]
