"""Providers that are not reached by forwarding a body: each speaks through a library of its own.

``bedrock`` calls; ``converse_request``, ``converse_blocks``, ``converse_answer``,
``converse_stream`` and ``converse_errors`` translate between Anthropic Messages and Converse, and
know no network; ``handover`` brings what a blocking library reads to the event loop.
"""
