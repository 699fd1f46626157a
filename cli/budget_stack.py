"""The budgets of a stack, under the operator's own credentials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from cli.connection import Stack, stack_of
from shared.adapters.dynamodb.budget_admin import DynamoBudgetAdmin
from shared.adapters.dynamodb.keys import DynamoKeyAdmin
from shared.adapters.dynamodb.ledger import DynamoLedger
from shared.domain.api_keys import KeyLimits
from shared.domain.budgets.changes import SenselessChange
from shared.domain.budgets.seeds import Seeds
from shared.domain.errors import StoreUnavailable
from shared.resources import resource_name
from shared.settings import RouterSettings, SettingsError, router_settings
from shared.usecases.budget_admin import Budgets, InTheWay, UnknownBudget
from shared.usecases.budget_audit import Audit, Sweep, Swept
from shared.usecases.holding import Holding, HoldPolicy


class NotDeployed(LookupError):
    """The stack has no router whose settings could be read."""


_REFUSALS = (UnknownBudget, SenselessChange, InTheWay, NotDeployed, ClientError, BotoCoreError)


@dataclass(frozen=True)
class BudgetStack:
    """What an operator does to the budgets of a stack."""

    stack: Stack

    @property
    def budgets(self) -> Budgets:
        """To look at budgets and to change them."""
        client = self.stack.client("dynamodb")
        table = self.stack.ledger_table
        return Budgets(
            ledger=self._ledger(client),
            admin=DynamoBudgetAdmin(client, table),
            keys=DynamoKeyAdmin(client, table),
            seeds=lambda: self._settings().budgets,
            caller=self._caller,
            clock=self.stack.clock,
            pause=time.sleep,
        )

    def sweep(self, charged: Callable[[int], None]) -> Swept:
        """End the holds that nobody settled, and tell ``charged`` the nano-dollars of each.

        What budgets start with has no part in it.
        """
        client, clock = self.stack.client("dynamodb"), self.stack.clock
        policy = HoldPolicy(Seeds(), max_share_percent=100, key_limits=KeyLimits())
        holding = Holding(self._ledger(client), clock, policy, time.sleep, charged=charged)
        return Sweep(holding, DynamoBudgetAdmin(client, self.stack.ledger_table))()

    @property
    def audit(self) -> Audit:
        """To compare the books of a day."""
        client = self.stack.client("dynamodb")
        admin = DynamoBudgetAdmin(client, self.stack.ledger_table)
        return Audit(self._ledger(client), admin, self.stack.clock)

    def _ledger(self, client: Any) -> DynamoLedger:
        return DynamoLedger(client, self.stack.ledger_table, _report)

    def _caller(self) -> str:
        """Return the ARN that AWS knows the operator by."""
        return str(self.stack.client("sts").get_caller_identity()["Arn"])

    def _settings(self) -> RouterSettings:
        """Return the settings of the deployed router: a checkout may be ahead of them."""
        name = resource_name(self.stack.environment, "router")
        client = self.stack.client("lambda")
        try:
            found = client.get_function_configuration(FunctionName=name)
            return router_settings(found.get("Environment", {}).get("Variables", {}))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise NotDeployed(f"There is no function {name}: deploy the stack first.") from error
        except SettingsError as error:
            raise NotDeployed(f"The settings of {name} cannot be read: {error}") from error


def budgets_at(environment: str | None, local: str | None) -> BudgetStack:
    """Return the budgets of an AWS environment, or of the running local world."""
    return BudgetStack(stack_of(environment, local))


def print_json(value: Any) -> None:
    """Print a value for programs."""
    typer.echo(json.dumps(value, indent=2))


@contextmanager
def refusals() -> Iterator[None]:
    """Tell what cannot be done, and AWS's own words where the ledger cannot be reached."""
    try:
        yield
    except _REFUSALS as error:
        raise failed(str(error)) from None
    except StoreUnavailable as error:
        raise failed(str(error.__cause__ or "The ledger is too busy. Try again.")) from None


def failed(text: str) -> typer.Exit:
    """Tell what is wrong; returns what ends the command."""
    Console(stderr=True, highlight=False).print(f"[red]{escape(text)}[/red]", soft_wrap=True)
    return typer.Exit(1)


def _report(operation: str, code: str) -> None:
    Console(stderr=True, highlight=False).print(f"{operation}: {code}", markup=False)
