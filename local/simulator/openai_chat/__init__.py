"""OpenAI's chat completions protocol, as OpenAI, DeepSeek, xAI, Gemini and Qwen serve it.

``request`` reads and refuses, ``caching`` refuses the cache fields of other families, ``prompt``
and ``ask`` say what the request comes to, ``dialects`` holds what the providers do differently,
``wire`` gives the answer OpenAI's shapes, ``routes`` joins them.
"""
