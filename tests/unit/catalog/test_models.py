"""What the catalog says of models, and what it refuses to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from shared import catalog
from shared.catalog import CatalogError, files
from shared.catalog.rows import ModelsFile, PriceTable
from shared.domain.chat import ChatRequest
from shared.domain.errors import UnknownModel

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EVERYTHING = catalog.load(catalog.known_providers())

TIERS = {
    "nano": {"gpt-6-luna", "claude-haiku-5-5"},
    "mid": {"gpt-6.1-terra", "claude-sonnet-5-5", "gpt-6.1-sol"},
    "frontier": {"claude-opus-5-5", "gpt-6-astra"},
}
OF_THE_ARTICLES = {
    "claude-opus-4-6", "gpt-5.4", "claude-sonnet-4-6", "gemini-3.1-pro-preview",
    "gemini-2.5-pro-preview", "gpt-5", "claude-haiku-4-5", "gpt-5-mini", "gpt-5-nano",
    "deepseek-chat", "grok-4-1-fast", "gpt-4o-mini", "claude-opus-4-7",
}  # fmt: skip

Change = Callable[[str, str, str], None]


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Change:
    """Return a function that replaces a text in one data file for this test."""

    def rewrite(name: str, old: str, new: str) -> None:
        real = files.content
        assert old in real(name).decode()
        changed = real(name).decode().replace(old, new, 1).encode()
        monkeypatch.setattr(
            files, "content", lambda asked: changed if asked == name else real(asked)
        )

    return rewrite


@pytest.mark.parametrize("name", sorted(EVERYTHING.priced))
def test_every_model_is_priced_today_or_retired(name: str) -> None:
    model = EVERYTHING.priced[name]
    rates = model.price(NOW).rates
    assert 0 < rates.cache_read <= rates.input <= rates.cache_write <= rates.cache_write_long
    assert rates.input < rates.output
    assert (name in EVERYTHING.models) == (not model.is_retired(NOW.date()))


def test_no_model_s_name_is_cut_where_rooms_of_waiting_calls_are_told_apart() -> None:
    assert [name for name in EVERYTHING.priced if "/" in name] == []


def test_the_tiers_hold_the_models_of_openai_and_anthropic() -> None:
    facts = catalog.load(["openai", "anthropic"])
    for tier, expected in TIERS.items():
        assert {model.id for model in facts.candidates(tier, NOW)} == expected  # type: ignore[arg-type]


def test_the_models_of_the_articles_are_priced() -> None:
    assert set(EVERYTHING.priced) >= OF_THE_ARTICLES


def test_candidates_come_cheapest_first_and_by_name_among_equals() -> None:
    mid = catalog.load(["openai", "anthropic", "xai"]).candidates("mid", NOW)
    # 3 x input + output: 3+5 = 8, 6+6 = 12, 6+10 = 16 twice
    assert [model.id for model in mid] == [
        "gpt-6.1-terra", "grok-4.7", "claude-sonnet-5-5", "gpt-6.1-sol",
    ]  # fmt: skip


def test_the_order_of_candidates_follows_the_hour() -> None:
    facts = catalog.load(["deepseek", "gemini"])
    peak = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    # Off-peak DeepSeek V4 Pro costs 3 x 0.66 + 1.98 = 3.96 against 3 x 0.75 + 3.75 = 6.
    assert facts.cheapest("mid", NOW).id == "deepseek-v4-pro"
    assert facts.cheapest("mid", peak).id == "gemini-3.8-flash"


def test_a_model_that_is_retired_is_priced_but_not_callable() -> None:
    facts = catalog.load(["deepseek"])
    assert facts.priced["deepseek-chat"].price(NOW).rates.input == 280_000
    with pytest.raises(UnknownModel):
        facts.model("deepseek-chat")


def test_a_model_may_be_called_up_to_the_day_it_is_retired() -> None:
    facts = catalog.load(["openai"])
    last = datetime(2026, 12, 10, 23, 59, 59, tzinfo=UTC)
    assert facts.model("gpt-5-mini", last).id == "gpt-5-mini"
    with pytest.raises(UnknownModel):
        facts.model("gpt-5-mini", last + timedelta(seconds=1))


def test_a_tier_holds_no_model_before_its_first_price() -> None:
    before = datetime(2026, 9, 2, 12, 0, tzinfo=UTC)
    with pytest.raises(UnknownModel):
        catalog.load(["openai"]).candidates("frontier", before)


def test_the_age_of_the_prices_is_that_of_the_oldest_check_of_a_callable_model() -> None:
    facts = catalog.load(["deepseek", "openai"])
    assert facts.prices_checked == min(model.checked for model in facts.models.values())
    aged = replace(facts, prices_checked=date(2026, 10, 1))
    assert aged.price_age_days(NOW) == 52


def test_a_model_is_as_old_as_the_oldest_check_among_its_newest_rows() -> None:
    model = EVERYTHING.priced["deepseek-v4-pro"]
    replaced, _, off_peak, peak = model.sourced
    years = [date(year, 1, 1) for year in (2020, 2021, 2022)]
    rows = [
        each._replace(checked=day)
        for each, day in zip((replaced, off_peak, peak), years, strict=True)
    ]
    assert replace(model, sourced=tuple(rows)).checked == date(2021, 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('family = "gpt-6"', 'family = "gpt-9"', "no family"),
        ('tier = "nano"', 'tier = "tiny"', "tiny"),
        ('tier = "nano"', 'teir = "nano"', "teir"),
        ('id = "gpt-6.1-terra"', 'id = "gpt-6-luna"', "twice"),
        ('"openai:gpt-6-luna"', '"openai:gpt-0"', "make prices"),
        ("released = 2026-09-22", "", "release"),
        ("json_schema = true\ncontext", "context", "json_schema"),
        ('input = "0.15"', 'input = "0.0000001"', "exact"),
        ('input = "0.15"', "input = 150000", "str"),
        ('"01:00-04:00"', '"22:00-02:00"', "window"),
        ("long_write_percent = 250", "long_write_percent = -1", ">= 1"),
        ('provider = "xai"', 'provider = "nobody"', "nobody"),
    ],
)
def test_a_row_that_makes_no_sense_is_an_error_that_says_why(
    change: Change, old: str, new: str, message: str
) -> None:
    change(files.MODELS, old, new)
    with pytest.raises(CatalogError, match=message):
        catalog.load(catalog.known_providers())


def test_a_written_row_replaces_the_compiled_row_of_its_day(change: Change) -> None:
    change(
        files.MODELS,
        'genai = "openai:gpt-6-luna"\nreleased = 2026-09-22\n',
        'genai = "openai:gpt-6-luna"\nreleased = 2026-09-22\n'
        '[[models.prices]]\nstart = 2026-09-22\ninput = "7"\noutput = "9"\nsource = "s"\n'
        "checked = 2026-11-22\n"
        'long = [{ from = 200_000, input = "8", output = "10" }]\n',
    )
    luna = catalog.load(["openai"]).priced["gpt-6-luna"]
    row = luna.price(NOW)
    assert [row.applicable(n).input for n in (199_999, 200_000)] == [7_000_000, 8_000_000]
    assert row.rates.cache_read == row.rates.cache_write == 7_000_000
    assert row.rates.cache_write_long == 17_500_000  # the family's 250 %
    assert luna.price(NOW, "batch").rates.input == 50_000


def test_what_a_model_refuses_are_fields_of_a_chat_request() -> None:
    fields = set(ChatRequest.__struct_fields__)
    for model in EVERYTHING.priced.values():
        assert set(model.capabilities.refuses) <= fields


def test_models_of_anthropics_protocol_have_a_bound_for_callers_without_one() -> None:
    for model in EVERYTHING.models.values():
        if EVERYTHING.providers[model.provider].protocol == "anthropic-messages":
            limit, default = (
                model.capabilities.max_output_tokens,
                model.capabilities.default_max_tokens,
            )
            assert limit is not None
            assert default is not None
            assert default <= limit


def test_a_model_says_how_its_prompt_cache_is_asked_for() -> None:
    cache = {name: model.cache for name, model in EVERYTHING.models.items()}
    assert (cache["gpt-6-luna"].style, cache["gpt-6-luna"].min_tokens) == ("openai-explicit", 1024)
    assert (cache["claude-opus-5-5"].style, cache["claude-opus-5-5"].min_tokens) == (
        "anthropic",
        512,
    )
    assert cache["claude-haiku-5-5"].uncertain
    assert not cache["claude-sonnet-5-5"].uncertain


def test_the_price_version_follows_both_price_files(change: Change) -> None:
    before = EVERYTHING.price_version
    change(files.PRICE_TABLE, '"models": {', '"models":  {')
    after = catalog.load(["openai"]).price_version
    change(files.MODELS, "# The models:", "# The models  :")
    assert len({before, after, catalog.load(["openai"]).price_version}) == 3


def test_every_compiled_model_is_used() -> None:
    table: PriceTable = files.read(files.PRICE_TABLE, PriceTable)
    described: ModelsFile = files.read(files.MODELS, ModelsFile)
    assert {row.genai for row in described.models if row.genai is not None} == set(table.models)


def test_a_price_file_that_is_no_json_is_named(change: Change) -> None:
    change(files.PRICE_TABLE, "{", "")
    with pytest.raises(CatalogError, match=files.PRICE_TABLE):
        catalog.load([])
