"""Anthropic's message batches.

``request`` reads what is sent, ``lines`` answers it line by line, ``batch`` is the object and its
results, ``routes`` serves it.
"""
