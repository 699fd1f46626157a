"""Replays a log of LLM calls: what it cost, and what it would have cost through the gateway.

``reading`` turns a line of JSON into a record, ``calls`` a record into a call with its tokens,
``estimate`` counts tokens where the log does not. ``prefixes`` and ``shelf`` say what a
provider's prompt cache would have held, ``answers`` what the exact cache would have, and
``scenarios`` puts a price on the whole log: as it was, with each lever alone, with all of them.
``facts`` is what all of that needs to know of models and policies.

Pure: no file, no clock. Times are aware; money is integer nano-dollars.
"""
