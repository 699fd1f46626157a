"""SNS on this machine: who may publish, who listens, and how a message reaches them.

moto keeps topics and subscriptions and leaves what it would hand out in an outbox; from there
functions are invoked and e-mails put into a mailbox.
"""

from __future__ import annotations

from typing import Final

DIFFERENCES: Final = (
    "E-mail stays in the mailbox of the control server, and its subscriptions need no "
    "confirmation.",
    "SNS messages carry no valid signature, and each is delivered once; AWS may deliver twice.",
)
"""Where this delivery is known to differ from SNS's, for the list in docs/local.md."""
