"""The upstream simulator: every LLM provider, on loopback, for the local world and the tests.

It is an independent judge. It shares no code with the gateway, transcribes its own prices,
counts its own tokens and keeps its own books, so that "the provider's bill equals our ledger"
compares two things. Each protocol is a package beside :mod:`local.simulator.openai_chat`.
"""
