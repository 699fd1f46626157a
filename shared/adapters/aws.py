"""The AWS session, and clients made from it: botocore alone.

boto3 adds resources and transfers to S3 that the functions have no use for; importing them costs
a tenth of a second of CPU and a hundred modules at every cold start.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from botocore.config import Config
from botocore.session import Session, get_session

USER_AGENT: Final = "sluice"
"""Said as it is: botocore would compose a longer one twice for every call, a fifth of its CPU."""


@cache
def session() -> Session:
    """Return the one session: another would read botocore's tables again, for nine times the CPU.

    It takes region and credentials from the environment, where Lambda puts them.
    """
    return get_session()


def client(service: str, config: Config, *, endpoint_url: str | None = None) -> Any:
    """Return a client that does not check its arguments: our own code writes them."""
    lean = Config(parameter_validation=False, user_agent=USER_AGENT)
    return session().create_client(service, endpoint_url=endpoint_url, config=config.merge(lean))
