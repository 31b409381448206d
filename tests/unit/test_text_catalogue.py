"""Every sentence of the program in Finnish and Swedish, with the same slots as in English."""

from __future__ import annotations

from pathlib import Path

import pytest

from ennakointi.text import _catalogue, messages_in, slots

SOURCE = Path(__file__).parents[2] / "src" / "ennakointi"
MESSAGES = messages_in(SOURCE)


def test_there_are_sentences_to_check() -> None:
    assert len(MESSAGES) > 20


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_no_sentence_is_without_translation(language: str) -> None:
    catalogue = _catalogue(language)
    entries = {message: catalogue.get(message if isinstance(message, str) else message[0]) for message in MESSAGES}
    missing = [m for m, entry in entries.items() if entry is None or entry.fuzzy or not all(_texts(entry.string))]
    assert not missing, "\n".join(map(str, missing))


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_translations_fill_the_same_slots(language: str) -> None:
    catalogue = _catalogue(language)
    entries = [(m, catalogue.get(m if isinstance(m, str) else m[0])) for m in MESSAGES]
    translated = [(message, entry.string) for message, entry in entries if entry is not None]
    assert len(translated) > 20
    assert not [m for m, string in translated if slots(_texts(string)) != slots(_texts(m))]


def _texts(message: object) -> tuple[str, ...]:
    return message if isinstance(message, tuple) else (str(message),)
