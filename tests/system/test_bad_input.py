"""The kinds of malformed input of the router's own tests, through the whole stack."""

from __future__ import annotations

import httpx2
import pytest

from tests.functions.test_bad_input import MALFORMED, assert_openai_error
from tests.system.conftest import Stack


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_input_is_refused_in_shape(stack: Stack, kind: str) -> None:
    content, headers, status, param = MALFORMED[kind]
    response = httpx2.post(
        stack.base_url + "/chat/completions",
        content=content,
        headers={"authorization": f"Bearer {stack.world.api_key}"} | headers,
        trust_env=False,
        timeout=120,
    )
    assert_openai_error(response, status, param)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/%2e%2e/etc/passwd"])
def test_unknown_paths_are_refused_in_shape(stack: Stack, path: str) -> None:
    response = httpx2.get(stack.world.endpoint + path, trust_env=False)
    assert_openai_error(response, 404, None)
