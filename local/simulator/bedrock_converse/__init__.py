"""Amazon Bedrock's Converse protocol, for the Claude models that Bedrock sells.

``request`` reads and refuses, ``translation`` turns a body into a Messages body, since the same
models stand behind both, ``wire`` gives the answer Bedrock's shapes, ``event_stream`` frames
them, ``routes`` joins them.
"""
