"""OpenAI's chat completions protocol, as OpenAI, DeepSeek, xAI, Gemini and Qwen serve it.

``parts`` and ``request`` read and refuse, ``caching`` refuses the cache fields of other
families, ``prompt`` and ``ask`` say what the request comes to, ``dialects`` holds what the
providers do differently, ``wire`` gives the answer OpenAI's shapes, ``routes`` joins them.
"""
