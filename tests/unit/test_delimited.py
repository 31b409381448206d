"""CSV as it comes: every faulty line is named, no good one is lost, and no encoding is guessed wrong."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ennakointi import sources
from ennakointi.database import Limits, connect
from ennakointi.errors import DataError
from ennakointi.sources import csv_lines, staging

HEADER = "contact_id;person_id;unit"
LIMITS = Limits(memory="300MB", disk="1GB", threads=1)
Places = list[tuple[int, str, int]]


def staged(folder: Path, content: bytes, **csv: str) -> tuple[list[tuple[object, ...]], Places]:
    """Rows of contacts as staged, each after the line it stands on, and the rejected lines with rule and swallowed."""
    (folder / "contacts.csv").write_bytes(content)
    (folder / "persons.csv").write_text("person_id;birth_date;sex;municipality\n", csv.get("encoding"))
    (folder / "source.json").write_text(json.dumps({"csv": csv}))
    (folder / "staged").mkdir()
    connection = connect(folder / "staged" / "tmp", [folder], LIMITS)
    try:
        staging.stage(connection, sources.discover(folder), folder / "staged")
        rows = connection.execute(
            "SELECT _row + line_offset, contact_id, person_id, unit FROM input_contacts "
            "ASOF JOIN line_offsets o ON _file = o.file AND _row >= o.first_row ORDER BY _row"
        ).fetchall()
        places = connection.execute("SELECT line, rule, swallowed FROM rejected ORDER BY line").fetchall()
        assert [path.suffix for path in (folder / "staged").iterdir()] == [".parquet", ".parquet"]
    finally:
        connection.close()
    return rows, places


def row(line: int, a: object = 1, b: object = 2, c: object = 3) -> tuple[object, ...]:
    return (line, *(value if value is None else str(value) for value in (a, b, c)))


GOOD = "1;2;3"
LINES = {
    "a quote that is never closed takes no other line": (
        ['1;2;"x', GOOD, '1;"y;3', GOOD, '"z;2;3', GOOD],
        [row(3), row(5), row(7)],
        [(2, "open_quote", 0), (4, "open_quote", 0), (6, "open_quote", 0)],
    ),
    "two halves of a quote do not hide the lines between them": (
        ['1;2;"x', GOOD, '1;2;y"', GOOD],
        [row(3), row(4, c='y"'), row(5)],
        [(2, "open_quote", 0)],
    ),
    "a value runs over lines, with empty ones and delimiters": (
        ['1;2;"x', "", 'y;"', '"x', '";2;3', '"a;b', 'c""";2;3', GOOD],
        [row(2, c="x  y;"), row(5, a="x "), row(7, a='a;b c"'), row(9)],
        [],
    ),
    "a record over lines with a field too few goes as a whole": (
        [GOOD, '1;"x', "y", 'z"', GOOD],
        [row(2), row(6)],
        [(3, "unreadable_line", 2)],
    ),
    "empty lines are no rows": ([GOOD, "", "", GOOD, "", ""], [row(2), row(5)], []),
    "quotes inside a value are text": (
        [GOOD, '1;5" putki;3', '1;x" y" z;3'],
        [row(2), row(3, b='5" putki'), row(4, b='x" y" z')],
        [],
    ),
    "text after a closing quote cannot be read": (
        ['"a"b;2;3', GOOD, '1;"a" ;3', '1;"a"";3', GOOD],
        [row(3), row(6)],
        [(2, "unreadable_line", 0), (4, "unreadable_line", 0), (5, "open_quote", 0)],
    ),
    "too few and too many fields": (
        ["1;2", GOOD, "1;2;3;4", "1;2;3;", "1", GOOD],
        [row(3), row(7)],
        [(line, "unreadable_line", 0) for line in (2, 4, 5, 6)],
    ),
    "a NUL byte spoils its line": (
        ['1;2;"x', "y\0", GOOD, "1;\0;3", GOOD],
        [row(4), row(6)],
        [(2, "open_quote", 0), (3, "nul_byte", 0), (5, "nul_byte", 0)],
    ),
    "empty fields are missing and zeros stay": (
        ["007;;", '"";" ";"0"'],
        [row(2, "007", None, None), row(3, None, " ", "0")],
        [],
    ),
    "the last line need not end": ([GOOD, '1;2;"x'], [row(2)], [(3, "open_quote", 0)]),
}


@pytest.mark.parametrize(("end", "block"), [("\n", 1 << 22), ("\r\n", 11), ("\r", 12)])
@pytest.mark.parametrize("name", LINES)
def test_lines(name: str, end: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "_BLOCK", block)
    lines, rows, places = LINES[name]
    assert staged(tmp_path, end.join([HEADER, *lines]).encode()) == (rows, places)


def test_line_ends_may_differ(tmp_path: Path) -> None:
    content = f"{HEADER}\r\n{GOOD}\n{GOOD}\r{GOOD}\r\n1;2;4".encode()
    assert staged(tmp_path, content) == ([row(2), row(3), row(4), row(5, c=4)], [])


def test_a_line_of_many_megabytes_is_left_out(tmp_path: Path) -> None:
    within, beyond = "x" * 1_500_000, "ä" * 5_000_000
    content = "\n".join([HEADER, GOOD, within, GOOD, f"1;2;{beyond}", GOOD]).encode()
    assert staged(tmp_path, content) == ([row(2), row(4), row(6)], [(3, "long_line", 0), (5, "long_line", 0)])


def test_an_open_quote_is_not_looked_after_for_ever(tmp_path: Path) -> None:
    lines = ['1;2;"x', *["y"] * 1200, GOOD]
    rows, places = staged(tmp_path, "\n".join([HEADER, *lines]).encode())
    assert rows == [row(1203)]
    assert places == [(2, "open_quote", 0), *((line, "unreadable_line", 0) for line in range(3, 1203))]


FINNISH, EURO, PLAIN = "1;2;Töölö", "1;2;10 € – ”ok”", GOOD
FOREIGN = {"utf-8": "cp1252", "cp1252": "utf-8", "iso-8859-1": "utf-8"}


@pytest.mark.parametrize("block", [1 << 22, 60])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "iso-8859-1"])
@pytest.mark.parametrize(
    "lines", [[PLAIN], [FINNISH] * 3, [FINNISH, *[PLAIN] * 9, EURO, '1;2;"x'], [FINNISH, '1;2;"x', PLAIN, EURO]]
)
def test_the_encoding_is_found(
    lines: list[str], encoding: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_lines, "_BLOCK", block)
    content = "\n".join([HEADER, *lines]).encode(encoding, "replace")
    values = [line.rsplit(";")[-1].encode(encoding, "replace").decode(encoding) for line in lines]
    good = [row(number, c=value.removeprefix("\ufeff")) for number, value in enumerate(values, 2) if '"' not in value]
    assert staged(tmp_path, content) == (good, [(n, "open_quote", 0) for n, v in enumerate(values, 2) if '"' in v])


@pytest.mark.parametrize("block", [1 << 22, 60])
@pytest.mark.parametrize("encoding", FOREIGN)
def test_lines_in_another_encoding_than_most_are_rejected(
    encoding: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_lines, "_BLOCK", block)
    lines = [line.encode(encoding) for line in (HEADER, FINNISH, PLAIN, FINNISH, FINNISH, PLAIN, FINNISH)]
    lines[2:2] = [FINNISH.encode(FOREIGN[encoding])] * 2
    kept = [row(n, c="3" if n in (5, 8) else "Töölö") for n in (2, 5, 6, 7, 8, 9)]
    assert staged(tmp_path, b"\n".join(lines)) == (kept, [(3, "encoding", 0), (4, "encoding", 0)])


def test_a_mind_made_up_too_early_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "_BLOCK", 60)
    lines = [HEADER.encode(), FINNISH.encode(), b'1;2;"x', *[FINNISH.encode("cp1252")] * 5]
    expected = [row(n, c="Töölö") for n in range(4, 9)], [(2, "encoding", 0), (3, "open_quote", 0)]
    assert staged(tmp_path, b"\n".join(lines)) == expected


@pytest.mark.parametrize("bad", [b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\xff"])
def test_bytes_that_no_encoding_has_are_no_text(bad: bytes, tmp_path: Path) -> None:
    content = f"{HEADER}\n{FINNISH}\n{FINNISH}\n1;2;".encode() + bad + f"\n{GOOD}".encode()
    assert staged(tmp_path, content) == ([row(2, c="Töölö"), row(3, c="Töölö"), row(5)], [(4, "encoding", 0)])


def test_a_byte_that_windows_does_not_have_is_no_text(tmp_path: Path) -> None:
    content = f"{HEADER}\n{FINNISH}\n{EURO}\n1;2;".encode("cp1252") + b"\x81\n" + GOOD.encode()
    assert staged(tmp_path, content)[1] == [(4, "encoding", 0)]


def test_half_a_character_of_utf_16_is_no_text(tmp_path: Path) -> None:
    content = f"{HEADER}\n{FINNISH}\n1;2;\ud83d\n{GOOD}".encode("utf-16", "surrogatepass")
    assert staged(tmp_path, content) == ([row(2, c="Töölö"), row(4)], [(3, "encoding", 0)])


@pytest.mark.parametrize("header", [f"{HEADER};päivä".encode("cp1252"), f'{HEADER};"päivä \\"'.encode()])
def test_the_header_is_no_line_to_be_rejected(header: bytes, tmp_path: Path) -> None:
    content = header + f"\n{FINNISH};x\n{FINNISH};y\n1;2".encode()
    assert staged(tmp_path, content) == ([row(2, c="Töölö"), row(3, c="Töölö")], [(4, "unreadable_line", 0)])


@pytest.mark.parametrize("encoding", ["cp850", "iso-8859-15", "utf-8", "utf-16", "mac-roman"])
def test_any_encoding_may_be_given(encoding: str, tmp_path: Path) -> None:
    content = f'{HEADER}\n{FINNISH}\n1;2;"Å\nä"\n1;2'.encode(encoding)
    expected = [row(2, c="Töölö"), row(3, c="Å ä")], [(5, "unreadable_line", 0)]
    assert staged(tmp_path, content, encoding=encoding) == expected


@pytest.mark.parametrize(
    ("content", "given", "said"),
    [
        (FINNISH.encode("cp850"), {}, "looks like DOS code page 850"),
        (FINNISH.encode("cp850") + b'\n1;2;"x', {}, "looks like DOS code page 850"),
        (FINNISH.encode("cp1252"), {"encoding": "utf-8"}, "line 3 is not utf-8"),
        (FINNISH.encode(), {"encoding": "iso-8859-15"}, "most lines are UTF-8, not iso8859-15"),
        (b"1;2;\x81", {"encoding": "cp1252"}, "line 3 is not cp1252"),
        (FINNISH.encode(), {"encoding": "ascii"}, "most lines are UTF-8, not ascii"),
    ],
)
def test_an_encoding_that_does_not_fit_is_refused(
    content: bytes, given: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        staged(tmp_path, f"{HEADER}\n{GOOD}\n".encode() + content, **given)
    (fault,) = caught.value.faults
    assert (fault.table, fault.rule, fault.file) == ("contacts", "encoding", "contacts.csv")
    assert said in fault.message
    assert "source.json" in fault.message


@pytest.fixture(scope="module")
def faults() -> ModuleType:
    """The benchmark that plants faults."""
    path = Path(__file__).parents[2] / "benchmarks" / "faults.py"
    spec = importlib.util.spec_from_file_location("faults", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["faults"] = module
    spec.loader.exec_module(module)
    return module


def test_every_planted_fault_is_found_and_every_good_row_kept(faults: ModuleType, tmp_path: Path) -> None:
    assert len(faults.VARIANTS) == 10
    for name in faults.VARIANTS:
        folder = tmp_path / name
        folder.mkdir()
        planted, good = faults.deliver(folder, name, 20_000, 5_000_000)
        found = faults.examine(folder)
        assert found.places == planted, name
        assert found.good == good, name
        assert found.swallowed == faults.OF_EACH, name
    assert len(planted) == 37
    assert good[0] == 20_000 - 37
