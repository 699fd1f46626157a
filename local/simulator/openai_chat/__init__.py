"""OpenAI's chat completions protocol, as OpenAI, DeepSeek and xAI serve it.

``request`` reads and refuses, ``prompt`` counts and digests, ``answer`` decides what is said,
``wire`` gives it OpenAI's shapes, ``reply`` sends and bills it, ``routes`` joins them.
"""
