"""What the catalog says of providers."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from shared import catalog
from shared.catalog import CatalogError, files
from shared.domain.chat import ChatRequest

PROVIDERS = catalog.load(catalog.known_providers()).providers


def test_seven_providers_are_known() -> None:
    assert set(PROVIDERS) == {
        "openai", "anthropic", "deepseek", "xai", "gemini", "qwen", "bedrock",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_provider_is_reached_by_https_at_a_plain_host(name: str) -> None:
    url = urlsplit(PROVIDERS[name].base_url)
    assert (url.scheme, url.username, url.query) == ("https", None, "")
    assert not url.path.endswith("/")


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_what_a_provider_refuses_or_drops_are_different_fields_of_a_chat_request(
    name: str,
) -> None:
    refuses, drops = set(PROVIDERS[name].refuses), set(PROVIDERS[name].drops)
    assert refuses | drops <= set(ChatRequest.__struct_fields__)
    assert refuses & drops == set()
    # What decides the answer is refused by name, never left out in silence.
    assert drops <= {
        "metadata", "modalities", "prompt_cache_key", "prompt_cache_options",
        "prompt_cache_retention", "safety_identifier", "service_tier", "store", "user",
    }  # fmt: skip


def test_bedrock_needs_no_key_and_every_other_provider_names_its_variable() -> None:
    variables = catalog.provider_key_variables()
    assert set(variables) == set(PROVIDERS) - {"bedrock"}
    assert len(set(variables.values())) == len(variables)
    assert PROVIDERS["bedrock"].auth == "iam"


def test_a_key_variable_for_a_provider_without_a_key_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = files.content(files.PROVIDERS).replace(b'auth = "bearer"', b'auth = "iam"', 1)
    monkeypatch.setattr(files, "content", lambda _: changed)
    with pytest.raises(CatalogError, match="contradict"):
        catalog.known_providers()
