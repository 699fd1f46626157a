"""The secret that holds the webhooks, read once a minute at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.webhooks import BadWebhooks
from shared.clock import Clock

_KEPT_SECONDS: Final = 60
"""A round of the collector asks for each event, and one of the guard for each delivery."""

Read = TypeVar("Read")


@dataclass
class SecretHooks(Generic[Read]):
    """The webhooks as their secret has them; ``client`` is one of Secrets Manager's.

    ``parse`` reads what its user needs of it, people's or teams'.
    """

    client: Any
    arn: str
    parse: Callable[[str], Read]
    clock: Clock
    _kept: tuple[float, Read] | None = None

    def read(self) -> Read:
        """Return them as they stood a minute ago at most; raises ``BadWebhooks``."""
        now = self.clock()
        if self._kept is None or now >= self._kept[0] + _KEPT_SECONDS:
            self._kept = now, self.parse(self._text())
        return self._kept[1]

    def _text(self) -> str:
        try:
            return str(self.client.get_secret_value(SecretId=self.arn)["SecretString"])
        except ClientError as error:
            code = error.response["Error"]["Code"]
        except (BotoCoreError, KeyError) as error:
            code = type(error).__name__
        raise BadWebhooks(f"the webhooks' secret cannot be read: {code}")
