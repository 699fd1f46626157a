"""Translation between OpenAI chat and Anthropic messages, both ways.

Any caller can so use any model behind either door. What one side can say and the other cannot
is refused by name, never left out in silence: ``untranslatable`` holds it as data, and
:class:`Untranslatable` is the refusal, after which another model may still do.

| | chat → messages | messages → chat |
|---|---|---|
| request | ``chat_to_messages`` | ``messages_to_chat`` |
| whole answer | ``completion_to_message`` | ``message_to_completion`` |
| stream | ``ChunksToMessageStream`` | ``MessageStreamToChunks`` |
"""

from __future__ import annotations

from shared.domain.translation.answers import completion_to_message, message_to_completion
from shared.domain.translation.chat_request import chat_to_messages
from shared.domain.translation.chunk_stream import MessageStreamToChunks
from shared.domain.translation.event_stream import ChunksToMessageStream
from shared.domain.translation.messages_request import messages_to_chat
from shared.domain.translation.untranslatable import Untranslatable

__all__ = [
    "ChunksToMessageStream",
    "MessageStreamToChunks",
    "Untranslatable",
    "chat_to_messages",
    "completion_to_message",
    "message_to_completion",
    "messages_to_chat",
]
