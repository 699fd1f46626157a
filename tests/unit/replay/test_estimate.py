"""Estimates against o200k, whose counts stand here: it cannot be loaded offline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.replay.estimate import IMAGE_TOKENS, text_tokens, value_tokens

O200K = {
    "A weir is a low dam that is built across a river to raise the level of the water upstream or "
    "to regulate its flow.": 27,
    "def area(width: float, height: float) -> float:\n    if width < 0 or height < 0:\n"
    '        raise ValueError("negative")\n    return width * height\n': 38,
    "堰是横跨河流修建的低矮水坝，用于抬高上游水位或调节水流。它通常比水闸更简单，也更便宜。": 43,
    "Плотина водослива поднимает уровень воды выше по течению и регулирует её расход.": 21,
    "Ein Wehr ist ein Bauwerk, das den Wasserstand eines Flusses anhebt und seinen Abfluss "
    "regelt.": 24,
    '{"order": 18231, "items": [{"sku": "A-17", "count": 3, "price": "12.50"}], "paid": true}': 38,
    "req=3f2b8c1e-9d47-4a60-b1c5-77e0a9d21f38 status=200 ms=412": 38,
    "U2x1aWNlIGlzIGEgZ2F0ZXdheSB0aGF0IHJlZ3VsYXRlcyB0aGUgZmxvdyBvZiBjYWxscyB0byBtb2RlbHM0Mjk5": 62,
}


@pytest.mark.parametrize(("text", "real"), O200K.items())
def test_an_estimate_is_within_a_quarter_of_o200k_in_every_script(text: str, real: int) -> None:
    assert abs(text_tokens(text) - real) <= real / 4


def test_four_characters_a_token_would_be_wrong_by_more_on_chinese_and_base64() -> None:
    wrong = [text for text, real in O200K.items() if abs(len(text) / 4 - real) > real / 4]
    assert len(wrong) >= 4


@given(st.text(max_size=300), st.text(max_size=300))
def test_more_text_is_never_fewer_tokens(first: str, second: str) -> None:
    assert text_tokens(first) <= text_tokens(first + "\n" + second) + 1
    assert (text_tokens(first) == 0) == (first.strip(" ") == "" and len(first) <= 1)


def test_an_image_counts_flat_however_many_letters_its_data_has() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 10_000}}
    assert value_tokens([image]) == IMAGE_TOKENS


def test_keys_and_texts_of_a_value_count_and_nulls_do_not() -> None:
    assert value_tokens({"role": "user", "name": None}) == text_tokens("role") + text_tokens(
        "user"
    ) + text_tokens("name")
