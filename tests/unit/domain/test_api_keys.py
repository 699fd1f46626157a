"""Gateway keys can be told from everything else by their text."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.api_keys import MalformedKey, compose_key, read_key

teams = st.from_regex(r"[a-z][a-z0-9-]{0,38}", fullmatch=True)
entropies = st.binary(min_size=24, max_size=24)


@given(teams, entropies)
def test_a_key_tells_its_environment_and_team(team: str, entropy: bytes) -> None:
    key = compose_key("dev", team, entropy)
    read = read_key(key)
    assert (read.environment, read.team) == ("dev", team)
    assert read.digest == hashlib.sha256(key.encode()).hexdigest()


@given(teams, entropies, st.data())
def test_a_changed_character_is_no_key(team: str, entropy: bytes, data: st.DataObject) -> None:
    key = compose_key("dev", team, entropy)
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != key[place]))
    changed = key[:place] + other + key[place + 1 :]
    with pytest.raises(MalformedKey):
        read_key(changed)


@given(st.text())
def test_any_text_is_read_or_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(MalformedKey) as refused:
        read_key(text)
    assert str(refused.value) == "not a Sluice key"


@pytest.mark.parametrize("team", ["", "Search", "a_b", "a/b", "-a", "x" * 40])
def test_a_team_that_cannot_stand_in_a_key_is_refused(team: str) -> None:
    with pytest.raises(ValueError, match="team"):
        compose_key("dev", team, bytes(24))


def test_random_parts_use_all_their_length() -> None:
    low, high = compose_key("dev", "a", bytes(24)), compose_key("dev", "a", b"\xff" * 24)
    assert len(low) == len(high) == len("slc_dev_a_") + 32 + 6
