"""What all batch protocols share: how long a batch takes, and its lines on their way through.

``spool`` keeps long texts off the heap, ``schedule`` says what happens when, ``run`` answers the
lines as their time comes, ``floor`` moves every run on with the clock, ``register`` remembers
objects by account, ``creates`` counts the batches of the last hour. The protocols themselves are
``openai_batches`` and ``anthropic_batches``.
"""
