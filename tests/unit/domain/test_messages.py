"""What the router scores a Messages request by."""

from __future__ import annotations

from typing import Any

from shared.domain.messages import MessagesRequest, parse_messages
from shared.domain.messages.blocks import AssistantMessage, UserMessage
from shared.domain.routing import Asked, Asking

RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "42"}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}


def parsed(*messages: tuple[str, Any], **fields: Any) -> MessagesRequest:
    said = [{"role": role, "content": content} for role, content in messages]
    return parse_messages({"model": "auto", "max_tokens": 7, "messages": said, **fields})


def test_a_plain_question_is_what_was_asked() -> None:
    request: Asking = parsed(("user", "one"))
    assert request.asked() == Asked("one", user_turns=1, has_tools=False, has_schema=False)


def test_tools_and_schemas_count() -> None:
    request = parsed(
        ("user", "one"),
        tools=[{"name": "f", "input_schema": {}}],
        output_config={"format": {"type": "json_schema", "schema": {}}},
    )
    assert request.asked() == Asked("one", user_turns=1, has_tools=True, has_schema=True)
    assert not parsed(("user", "one"), output_config={"effort": "low"}).asked().has_schema


def test_a_turn_of_tool_results_alone_is_not_what_the_user_said_last() -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    request = parsed(("user", "question"), ("assistant", [use]), ("user", [RESULT]))
    assert request.last_user_text() == "question"
    assert request.asked().user_turns == 1
    text = {"type": "text", "text": "and now?"}
    both = parsed(("user", "question"), ("assistant", [use]), ("user", [RESULT, text]))
    assert both.asked() == Asked("and now?", user_turns=2, has_tools=False, has_schema=False)


def test_the_text_of_documents_belongs_to_what_is_said() -> None:
    request = parsed(("user", [{"type": "text", "text": "t"}, DOCUMENT]), ("assistant", "a"))
    assert list(request.texts(UserMessage)) == ["t", "d"]
    assert list(request.texts(AssistantMessage)) == ["a"]


def test_instructions_are_texts_in_both_their_forms() -> None:
    assert list(parsed(("user", "x"), system="s").system_texts()) == ["s"]
    blocks = [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}]
    assert list(parsed(("user", "x"), system=blocks).system_texts()) == ["s", "t"]
    assert list(parsed(("user", "x")).system_texts()) == []


def test_without_a_user_there_is_no_question() -> None:
    assert parsed(("assistant", "a")).last_user_text() == ""


def test_the_limit_is_the_callers_and_there_is_one_answer() -> None:
    request = parsed(("user", "x"))
    assert (request.output_limit, request.choices) == (7, 1)
