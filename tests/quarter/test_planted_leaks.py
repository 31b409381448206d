"""What must not leave is planted where it could: the last look finds it in files, and from notebooks it never comes.

A person's identifier, a path of the machine and a user's name are planted in every channel of a real release; a small
count is planted in the unrounded results, and the door is run.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_output
from quarter_pages import written

from ennakointi import cli
from ennakointi.disclosure import DisclosureError, check_outputs
from ennakointi.report import exporter
from ennakointi.report.exporter import ReportError
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.run import rendering
from ennakointi.text import Catalogue

pytestmark = pytest.mark.xdist_group("quarter")
PERSON, PATH, USER = "PH0000412387", "/home/analyst77/data", "analyst77"
SECRETS = {"identifier": PERSON, "path of the machine": PATH, "name of the user": USER}
PAGE, NOTEBOOK = "service_debt-all.html", "notebooks/service_debt-all.ipynb"
Change = Callable[[str, str], str]


def after(pattern: str) -> Change:
    """Puts the secret after the first place that a pattern finds."""

    def planted(content: str, secret: str) -> str:
        changed, n = re.subn(pattern, lambda match: f"{match[0]}{secret} ", content, count=1, flags=re.DOTALL)
        assert n == 1
        return changed

    return planted


def in_notebook(change: Callable[[nbformat.NotebookNode, str], object]) -> Change:
    def planted(content: str, secret: str) -> str:
        notebook = nbformat.reads(content, as_version=4)
        change(notebook, secret)
        return nbformat.writes(notebook)

    return planted


def shown(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The first cell that shows something."""
    return next(cell for cell in notebook.cells if cell.get("outputs"))


NOTEBOOK_CHANNELS = {
    "cell output": lambda n, secret: shown(n).outputs[0].data.update({"text/plain": secret}),
    "notebook metadata": lambda n, secret: n.metadata.update({"author": secret}),
    "papermill parameters": lambda n, secret: n.metadata.update({"papermill": {"parameters": {"folder": secret}}}),
    "cell metadata": lambda n, secret: shown(n).metadata.update({"execution": {"host": secret}}),
    "output metadata": lambda n, secret: shown(n).outputs[0].update({"metadata": {"from": secret}}),
}
CHANNELS: dict[str, tuple[str, Change]] = {
    "text of a picture": (PAGE, after(r"<svg.*?<text[^>]*>(?=[^<])")),
    "title of a picture": (PAGE, after(r"<svg.*?<title[^>]*>")),
    "description of a picture": (PAGE, after(r"<svg.*?<desc[^>]*>")),
    "alternative text": (PAGE, lambda html, secret: html.replace("<main", f'<img alt="{secret}"><main', 1)),
    "attribute": (PAGE, lambda html, secret: html.replace("<main", f'<main data-from="{secret}"', 1)),
    "HTML comment": (PAGE, lambda html, secret: html.replace("<main", f"<!-- {secret} --><main", 1)),
    "CSV": ("tables/service_debt.csv", lambda csv, secret: csv.replace("\nall,", f"\n{secret},", 1)),
    "description of tables": ("tables/tables.json", after(r'"meaning": "')),
    "manifest": ("manifest.json", after(r'"name": "')),
    **{name: (NOTEBOOK, in_notebook(change)) for name, change in NOTEBOOK_CHANNELS.items()},
}


@pytest.fixture
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ennakointi.disclosure.scan.getpass.getuser", lambda: USER)


def refused(folder: Path) -> str:
    with pytest.raises(DisclosureError) as caught:
        check_outputs(folder, persons=[PERSON])
    assert not any(secret in str(caught.value) for secret in SECRETS.values())
    return str(caught.value)


@pytest.mark.usefixtures("_user")
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_secret_in_a_finished_file_is_found(channel: str, quarter, tmp_path: Path) -> None:
    name, plant = CHANNELS[channel]
    content = (quarter.release / name).read_text(encoding="utf-8")
    file = tmp_path / Path(name).name
    file.write_text(content, encoding="utf-8")
    check_outputs(tmp_path, persons=[PERSON])  # as it was made it passes
    for kind, secret in SECRETS.items():
        file.write_text(plant(content, secret), encoding="utf-8")
        assert re.search(f"{kind}|hidden data|a comment", refused(tmp_path)), channel


@pytest.mark.usefixtures("_user")
@pytest.mark.parametrize(("part", "place"), [("xl/sharedStrings.xml", "<t>"), ("docProps/core.xml", "<dc:creator>")])
def test_a_secret_in_a_workbook_is_found(part: str, place: str, quarter, tmp_path: Path) -> None:
    original = (quarter.release / "tables" / "service_debt-all.xlsx").read_bytes()
    (tmp_path / "a.xlsx").write_bytes(original)
    check_outputs(tmp_path, persons=[PERSON])
    for kind, secret in SECRETS.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(original)) as old, zipfile.ZipFile(packed, "w") as new:
            for name in old.namelist():
                text = old.read(name)
                new.writestr(
                    name, text.replace(place.encode(), f"{place}{secret} ".encode(), 1) if name == part else text
                )
        (tmp_path / "a.xlsx").write_bytes(packed.getvalue())
        assert kind in refused(tmp_path)


@pytest.mark.parametrize("channel", [*NOTEBOOK_CHANNELS, "printed", "failed"])
def test_a_secret_in_an_executed_notebook_never_comes_out(channel: str, quarter, tmp_path: Path) -> None:
    executed = next((quarter.work / "notebooks").rglob("*service_debt*.ipynb"))
    notebook = nbformat.read(executed, as_version=4)
    if channel == "printed":
        shown(notebook).outputs.append(new_output("stream", text=PERSON))
    elif channel == "failed":
        shown(notebook).outputs.append(new_output("error", ename=PERSON, evalue=PATH, traceback=[PATH]))
    else:
        NOTEBOOK_CHANNELS[channel](notebook, PERSON)
    nbformat.write(notebook, tmp_path / executed.name)
    cleaned = rendering._clean(tmp_path / executed.name, "fi")
    assert bool(exporter.unshowable(cleaned)) == (channel in ("printed", "failed"))
    if channel in ("printed", "failed"):
        with pytest.raises(ReportError) as caught:
            exporter._body(cleaned)
        assert PERSON not in str(caught.value)
        return
    assert PERSON not in exporter._body(cleaned)
    nbformat.write(cleaned, tmp_path / executed.name)
    check_outputs(tmp_path, persons=[PERSON])


def few(table: str, results: Path) -> pd.DataFrame:
    """Unrounded rows of a result that speak of one to four persons."""
    rows = pd.read_parquet(results / f"{table}.parquet")
    return rows[rows["n_persons"].between(1, 4)]


def test_small_counts_of_the_quarter_are_hidden_in_every_table(quarter) -> None:
    found = 0
    for name, table in RESULT_TABLES.items():
        path = quarter.release / "tables" / f"{name}.csv"
        if table.persons is None or not path.exists():
            continue
        keys = list(table.of_kind("key"))
        small = few(name, quarter.work / "results").astype(dict.fromkeys(keys, str))
        told = pd.read_csv(path, dtype=dict.fromkeys(keys, str), keep_default_na=False, na_values=[""])
        both = small[keys].merge(told, on=keys)
        if "frequency" in both:  # municipalities are told by quarter: their months are in no file
            quarters = told[told["frequency"] == "Q"]
            assert len(quarters)
            assert set(quarters["municipality"]) & {"all"} == set()
            shown = quarters["n_persons"].dropna()
            assert shown[shown > 0].min() >= 10  # 5 and more, rounded to 10
            both = both[both["frequency"] == "M"]
        numbers = [n for n in table.of_kind("persons", "count", "euros", "estimate") if n in both]
        assert both[numbers].isna().all(axis=None), name
        found += len(both)
    assert found > 20


def everything_written(folder: Path) -> str:
    """All texts of a release: files as they are, workbooks unpacked."""
    texts = [written(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    return re.sub(r"[\s\u00a0\u202f\\]", "", "\n".join(texts)).replace("&nbsp;", "")


@pytest.mark.slow
def test_a_planted_small_count_reaches_no_file(quarter) -> None:
    """Three persons with 7,654,321 contacts: the number is nowhere, rounded or not, and its cells say one label."""
    path = next((quarter.work / "parts").rglob("volumes.parquet"))
    kept = path.read_bytes()
    rows = pd.read_parquet(path)
    planted = rows.index[rows["n_persons"] > 50][0]
    rows.loc[planted, ["contacts", "cost_eur", "n_persons"]] = [7_654_321, 7_654_321_000, 3]
    try:
        rows.to_parquet(path)
        again = [*quarter.options, "--resume", "--output", str(quarter.folder / "planted")]
        assert cli.main([*again, "--notebook", "data_quality", "--notebook", "summary"]) == 0
    finally:
        path.write_bytes(kept)
    written = everything_written(quarter.folder / "planted")
    assert not re.search("7654321|7654320|76543|7,65milj", written)
    table = pd.read_csv(quarter.folder / "planted" / "2025Q3" / "tables" / "volumes.csv", dtype=str)
    row = table[(table["service"] == rows["service"][planted]) & (table["year"] == str(rows["year"][planted]))]
    assert row["suppressed"].tolist() == ["contacts;cost_eur;n_persons"]
    assert re.sub(r"\s", "", Catalogue("fi").hidden) in written
