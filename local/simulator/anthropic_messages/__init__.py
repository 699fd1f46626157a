"""Anthropic's Messages protocol.

``blocks`` and ``request`` read and refuse, ``turns`` checks what one message may say after
another, ``prompt`` and ``ask`` say what the request comes to, ``wire`` gives the answer
Anthropic's shapes, ``routes`` joins them. Bedrock's Converse door translates into ``request``.
"""
