"""The batch APIs of the providers that have one, through their own SDKs.

For dispatcher and collector alone: an SDK takes a CPU second or more to import, which the router
must not pay. ``account`` is the way to one provider's account, ``failures`` says what a failure
leaves open, ``json_lines`` writes and reads files too long for the memory, ``openai_batches`` and
``anthropic_batches`` implement :class:`shared.ports.jobs.BatchProvider`, ``by_provider`` has them
by name and imports an SDK when it is first needed.
"""
