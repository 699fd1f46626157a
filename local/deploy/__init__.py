"""Applies the Pulumi program to the local AWS, without the Pulumi CLI.

:mod:`local.deploy.pulumi_run` runs the program under Pulumi's own mocks;
:mod:`local.deploy.provisioner` is those mocks, which create each declared resource with boto3; one
small function per resource type stands in :mod:`local.deploy.creators`.
"""

from __future__ import annotations

from typing import Final

from local.deploy.deployment import Declared, Deployment
from local.deploy.errors import DeployError, UnknownResourceTypeError
from local.deploy.program import deploy
from local.deploy.provisioner import Transform

__all__ = [
    "DIFFERENCES",
    "Declared",
    "DeployError",
    "Deployment",
    "Transform",
    "UnknownResourceTypeError",
    "deploy",
]

DIFFERENCES: Final = (
    "Every deployment starts from nothing: there is no state, no diff, no update and no destroy.",
    "The declared code and layers are not uploaded: functions get a token zip.",
    "Pulumi's own checks of inputs, provider defaults and resource options (protect and "
    "retain_on_delete, for two) "
    "do not run.",
    "The local AWS forgets the streaming mode and the time limit of API Gateway integrations, "
    "the throttling of stages and the triggers of deployments; the front door reads what it "
    "reproduces of them from the declared resources.",
    "A function has one version. A live alias that is pinned to an older one, or gives a new one "
    "a share of the calls, leads to that one version with every call.",
    "A firewall, AWS budgets and a customer key are created and do nothing: no request is counted "
    "or blocked, no bill is compared, nothing is encrypted, and of the grants on the key only "
    "those that alarms need for an encrypted topic are asked for.",
    "Lambda permissions are checked where a topic invokes; the front door calls the router "
    "directly.",
)
"""Where a local deployment is known to differ from a real one, for the list in docs/local.md."""
