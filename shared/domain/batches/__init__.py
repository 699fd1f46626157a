"""A caller's batch: many calls in one file, answered at batch prices.

``jsonl`` cuts a file into lines without holding it. ``lines`` checks a line. ``batch`` is the batch
itself and its states. ``openai_shapes`` and ``anthropic_shapes`` show it in the words of its door.
"""
