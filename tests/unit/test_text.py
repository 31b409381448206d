"""Numbers, months and sentences as the reader reads them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ennakointi import text
from ennakointi.errors import ParameterError
from ennakointi.periods import Quarter
from ennakointi.text import Catalogue, message_json

FI, SV, EN = (Catalogue(language) for language in ("fi", "sv", "en"))
NAN = float("nan")

PO = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Debt {debt}"
msgstr "Velka {debt}"

msgid "{n} effect"
msgid_plural "{n} effects"
msgstr[0] "{n} vaikutus"
msgstr[1] "{n} vaikutusta"

#, fuzzy
msgid "Guessed"
msgstr "Arvattu"
"""


@pytest.fixture
def finnish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    (tmp_path / "fi").mkdir()
    (tmp_path / "fi" / "ennakointi.po").write_text(PO.lstrip(), encoding="utf-8")
    monkeypatch.setattr(text, "LOCALE_FOLDER", tmp_path)
    monkeypatch.setattr(text, "_catalogue", text._catalogue.__wrapped__)
    return Catalogue("fi")


def test_sentences_are_translated_and_then_filled(finnish: Catalogue) -> None:
    assert finnish.gettext("Debt {debt}", debt="110 000") == "Velka 110 000"


def test_a_missing_or_fuzzy_translation_is_english(finnish: Catalogue) -> None:
    assert finnish.gettext("Not there {x}", x=1) == "Not there 1"
    assert finnish.gettext("Guessed") == "Guessed"


@pytest.mark.parametrize(("n", "words"), [(1, "1 vaikutus"), (0, "0 vaikutusta"), (1200, "1\u00a0200 vaikutusta")])
def test_one_and_many_have_their_own_sentences(finnish: Catalogue, n: int, words: str) -> None:
    assert finnish.ngettext("{n} effect", "{n} effects", n) == words


def test_english_needs_no_file() -> None:
    assert EN.ngettext("{n} effect", "{n} effects", 1) == "1 effect"
    assert EN.ngettext("{n} effect", "{n} effects", 2) == "2 effects"


def test_another_language_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ParameterError, match=r"'de'.*fi, sv, en"):
        Catalogue("de")


@pytest.mark.parametrize(
    ("catalogue", "written"),
    [(FI, "−1\u00a0234\u00a0567,3"), (SV, "−1\u00a0234\u00a0567,3"), (EN, "−1,234,567.3")],
)
def test_numbers_have_the_reader_s_marks_and_a_true_minus(catalogue: Catalogue, written: str) -> None:
    assert catalogue.number(-1234567.26, 1) == written


def test_a_number_that_rounds_to_nothing_has_no_sign() -> None:
    assert FI.number(-0.4) == "0"
    assert FI.signed_percent(-0.0004) == "0\u00a0%"


def test_changes_carry_their_sign() -> None:
    assert (FI.signed(4), FI.signed(-4), FI.signed_percent(-0.04)) == ("+4", "−4", "−4\u00a0%")


def test_percent_and_euros_stand_where_the_language_wants_them() -> None:
    assert (FI.percent(0.043, 1), EN.percent(0.043, 1)) == ("4,3\u00a0%", "4.3%")
    assert (FI.euros(-320000), EN.euros(-320000)) == ("−320\u00a0000\u00a0€", "−€320,000")


def test_not_a_number_reads_as_hidden_everywhere() -> None:
    shown = (EN.number(NAN), EN.percent(NAN), EN.euros(NAN), EN.interval(1, NAN))
    assert set(shown) == {"not shown (privacy)"}
    assert EN.estimate(5, NAN, NAN).interval == EN.hidden
    assert EN.estimate(NAN, 1, 2).value == EN.hidden


def test_the_dash_of_an_interval_is_spaced_beside_a_negative_end() -> None:
    assert (FI.interval(5, 19), FI.interval(-5, 3)) == ("5–19", "−5\u00a0–\u2060\u00a03")


def test_an_estimate_and_its_interval_are_rounded_alike() -> None:
    assert FI.estimate(25432, 18012, 33210) == ("25\u00a0000", "18\u00a0000–33\u00a0000")
    assert FI.percent_estimate(0.2532, 0.18, 0.334) == ("25\u00a0%", "18–33\u00a0%")


@pytest.mark.parametrize(
    ("catalogue", "words"),
    [(FI, "(heinä–syyskuu)"), (SV, "(juli–september)"), (EN, "Quarter 3 of 2025 (July–September)")],
)
def test_quarters_stand_in_words(catalogue: Catalogue, words: str) -> None:
    written = catalogue.quarter(Quarter(2025, 3))
    assert words in written
    assert "2025" in written


def test_months_dates_and_lists() -> None:
    assert (FI.month("2020-03"), SV.month(2020 * 12 + 2)) == ("maaliskuu 2020", "mars 2020")
    assert FI.month_short("2020-03") == "3/2020"
    assert (FI.date(date(2025, 9, 30)), EN.date(date(2025, 9, 30))) == ("30.9.2025", "30 September 2025")
    assert (FI.join(["a", "b", "c"]), SV.join(["a", "b"])) == ("a, b ja c", "a och b")


def test_labels_fall_back_to_finnish() -> None:
    assert SV.label({"fi": "Kooste", "sv": "Sammandrag"}) == "Sammandrag"
    assert EN.label({"fi": "Kooste"}) == "Kooste"


def test_message_cells_fill_their_slots_in_the_reader_s_format() -> None:
    cell = message_json(
        "{a}; {b_share}; {c_eur}; {first_month}; {d}; {e}",
        {"a": 0.12345, "b_share": 0.34, "c_eur": 5000, "first_month": "2020-03", "d": None, "e": 12345},
    )
    assert FI.message(cell) == (f"0,123; 34\u00a0%; 5\u00a0000\u00a0€; maaliskuu 2020; {FI.hidden}; 12\u00a0300")


def test_sentences_are_found_in_source(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        '_("one " "{x}", x=_("two"))\ncatalogue.ngettext("{n} a", "{n} b", 3)\nN_("three")\n'
        'Check("name", bool(f(1, 2)), "four {y}", {"y": 1})\n_(variable)\n'
        'Check(name="n", passed=None, message="five")\n'
    )
    assert set(text.messages_in(tmp_path)) == {
        "one {x}",
        "two",
        ("{n} a", "{n} b"),
        "three",
        "four {y}",
        "five",
    }


def test_a_sentence_put_together_before_translation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('_(f"debt {x}")\n')
    with pytest.raises(ParameterError, match=r"a\.py, line 1: _\(\)"):
        text.messages_in(tmp_path)
