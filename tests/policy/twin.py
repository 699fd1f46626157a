"""Where the careless twin of the program is, and the stack it is judged as."""

from __future__ import annotations

from local.deploy.stack_file import StackFile
from tests.infra.bare import ROOT

TWIN = ROOT / "tests" / "policy" / "careless"
STACK = StackFile("dev", {"aws:region": "us-east-1"})
