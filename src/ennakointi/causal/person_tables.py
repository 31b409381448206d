"""An analyst's table of persons as arrays: outcome, treatment, covariates as columns of numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.linalg.lapack import dpstrf

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.causal.frames import answers, numbers, positive, require
from ennakointi.causal.weighting import Family
from ennakointi.errors import DataError, ParameterError

MOST_MISSING = 0.2  # of the rows, of any covariate: more is refused
MOST_LEVELS = 50
FIRST_ROWS = 1000  # tell already that a column holds more than codes
MOST_CODES = 6  # different whole numbers that are taken as codes of categories
LEAST_VARIANCE = 1e-9  # share of a column's variance that the columns before it leave
LARGEST_COUNT = 1000  # whole numbers up to it are taken as counts
LEAST_IN_ARM = 10
TERM = re.compile(r"C\((?P<category>.+)\)|(?P<square>.+)\^2|(?P<plain>.+)")


@dataclass(frozen=True, eq=False)
class PersonTable:
    """One row per person, or per person and index date.

    Attributes
    ----------
    outcome, exposure : (n,) events and time at risk; exposure is ones without an offset.
    event : (n,) whether the time in `outcome` ended in the event; None when the outcome is no time.
    before : (n,) the outcome before, per unit of time as the rate; None when not given.
    treated : (n,). cluster : (n,) number of the person.
    x : (n, p) covariates, linearly independent; `names` their columns.
    family : of the outcome model.
    left_out : rows left out for want of `outcome`, `covariates`, or another column.
    """

    outcome: Floats
    exposure: Floats
    event: Bools | None
    before: Floats | None
    treated: Bools
    cluster: Ints
    x: Floats
    names: tuple[str, ...]
    family: Family
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.treated)

    def kept(self, rows: Bools) -> PersonTable:
        """Some of the rows."""
        return replace(
            self,
            outcome=self.outcome[rows],
            exposure=self.exposure[rows],
            event=None if self.event is None else self.event[rows],
            before=None if self.before is None else self.before[rows],
            treated=self.treated[rows],
            cluster=self.cluster[rows],
            x=self.x[rows],
        )


def person_table(
    frame: pd.DataFrame,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    offset: str | None,
    cluster: str | None,
    event: str | None,
    before: str | None,
    squares: bool = True,
) -> PersonTable:
    """The columns as arrays, rows with a missing value left out and counted.

    Raises
    ------
    ParameterError : for a column that is not there, or the outcome or treatment named as a covariate.
    DataError : for a treatment other than 0/1, an empty arm, a constant outcome, too many missing values.
    """
    if isinstance(covariates, str):
        raise ParameterError("covariates is a list of columns, not one text")
    terms = list(dict.fromkeys([*covariates, *([] if before is None else [before])]))
    columns = [_column(term, frame) for term in terms]
    require(frame, [outcome, treatment, offset, cluster, event, *columns])
    for name in {outcome, treatment, event} & set(columns):
        raise ParameterError(f"column {name!r} is the outcome or the treatment and cannot be a covariate")
    frame = frame.assign(**{name: answers(frame[name]) for name in (outcome, treatment, event) if name is not None})
    table, known = _without_covariates(frame, outcome, treatment, offset, cluster, event, before)
    complete = known & ~_missing(frame, columns, known)
    unknown = int(np.isnan(table.outcome).sum())
    left_out = {
        "outcome": unknown,
        "covariates": int((known & ~complete).sum()),
        "other": int((~known).sum()) - unknown,
    }
    if not complete.any():
        raise DataError(f"no row has {outcome!r}, {treatment!r} and all covariates")
    x, names = _expanded(frame[complete], terms, squares and not any(_is_square(term, frame) for term in terms))
    family = _family(table.outcome[complete], offset is not None)
    kept = replace(table.kept(complete), x=x, names=names, family=family, left_out=left_out)
    return _checked(replace(kept, cluster=_numbered(kept)), outcome, treatment)


def _numbered(table: PersonTable) -> Ints:
    """(n,) the persons numbered by their data, so that the order of the rows decides nothing."""
    order = np.lexsort((table.outcome, table.treated, *table.x.T))
    cluster = np.empty(len(order), np.int64)
    cluster[order] = pd.factorize(table.cluster[order])[0]
    return cluster


def _without_covariates(
    frame: pd.DataFrame,
    outcome: str,
    treatment: str,
    offset: str | None,
    cluster: str | None,
    event: str | None,
    before: str | None,
) -> tuple[PersonTable, Bools]:
    """All rows without covariates, and (n,) whether nothing else of theirs is missing."""
    y, treated = numbers(frame, outcome), _zero_one(frame, treatment, "treatment")
    happened = None if event is None else _zero_one(frame, event, "event")
    exposure = np.ones(len(frame)) if offset is None else positive(numbers(frame, offset), offset)
    groups = np.arange(len(frame)) if cluster is None else np.asarray(pd.factorize(frame[cluster])[0], np.int64)
    known = ~np.isnan(y) & ~np.isnan(exposure) & (groups >= 0) & ~np.isnan(treated)
    known &= np.ones(len(y), bool) if happened is None else ~np.isnan(happened)
    table = PersonTable(
        outcome=y,
        exposure=exposure,
        event=None if happened is None else happened == 1,
        before=None if before is None else numbers(frame, before),
        treated=treated == 1,
        cluster=groups,
        x=np.zeros((len(y), 0)),
        names=(),
        family="linear",
        left_out={},
    )
    return table, known


def _checked(table: PersonTable, outcome: str, treatment: str) -> PersonTable:
    n_treated = int(table.treated.sum())
    for n, value in ((n_treated, 1), (len(table) - n_treated, 0)):
        if n < LEAST_IN_ARM:
            raise DataError(
                f"column {treatment!r}: {n} complete rows have {value}, at least {LEAST_IN_ARM} are needed: "
                "without comparison persons a change cannot be told from regression to the mean"
            )
    if min(len(np.unique(table.cluster[arm])) for arm in (table.treated, ~table.treated)) < 2:
        raise DataError("an arm has one cluster only: chance between clusters cannot be told; use smaller clusters")
    if np.ptp(table.outcome / table.exposure) == 0:
        raise DataError(f"column {outcome!r} has one value only: there is nothing to compare")
    if table.event is not None:
        if (table.outcome < 0).any():
            raise DataError(f"column {outcome!r}: times to an event must be 0 or more")
        if not table.event.any():
            raise DataError("no event happened: there is nothing to compare")
    elif table.family == "poisson" and (table.outcome < 0).any():
        raise DataError(f"column {outcome!r}: with an offset the outcome is a count of 0 or more")
    return table


def _column(term: str, frame: pd.DataFrame) -> str:
    """The column of a covariate: `C(name)` forces categories, `name^2` is the square."""
    found = TERM.fullmatch(term)
    if term in frame.columns or found is None:
        return term
    return next(name for name in found.groups() if name is not None).strip()


def _zero_one(frame: pd.DataFrame, name: str, what: str) -> Floats:
    values = frame[name]
    number = values.astype(float) if values.dtype == bool else pd.to_numeric(values, errors="coerce")
    if bool((values.notna() & ~number.isin([0, 1])).any()):
        raise DataError(f"column {name!r}: the {what} must be 1 or 0 in every row: write 1 for yes and 0 for no")
    return np.asarray(number, dtype=float)


def _missing(frame: pd.DataFrame, columns: Sequence[str], known: Bools) -> Bools:
    """(n,) rows without some covariate; DataError when a share of the rows is missing that changes who is studied."""
    table = frame[list(dict.fromkeys(columns))].isna().to_numpy()
    missing = np.asarray(table.any(axis=1))
    share = missing[known].mean() if known.any() else 0.0
    if share > MOST_MISSING:
        worst = max(columns, key=lambda name: float(frame[name].isna().mean()))
        raise DataError(
            f"covariates are missing in {share:.0%} of the rows, most often {worst!r} "
            f"({frame[worst].isna().mean():.0%}); at most {MOST_MISSING:.0%} may be left out: "
            "leave the column out or fill it in"
        )
    return missing


def _is_square(term: str, frame: pd.DataFrame) -> bool:
    return term.endswith("^2") and term not in frame.columns


def _expanded(frame: pd.DataFrame, terms: Sequence[str], squares: bool) -> tuple[Floats, tuple[str, ...]]:
    """(n, p) the terms as columns, without constant and linearly dependent ones.

    With `squares`, codes of few whole numbers become categories and other numbers stand beside their square.
    """
    found: dict[str, Floats] = {}
    for term in terms:
        name, square = _column(term, frame), _is_square(term, frame)
        text = not (pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name]))
        if square and text:
            raise ParameterError(f"covariate {term!r}: only a column of numbers can be squared")
        if text or (term != name and not square):
            found |= _indicators(frame[name], name)
            continue
        values = numbers(frame, name)
        different = np.unique(values if len(np.unique(values[:FIRST_ROWS])) <= MOST_CODES else values[:FIRST_ROWS])
        if square:
            found[term] = values**2
        elif squares and 2 < len(different) <= MOST_CODES and (different == np.round(different)).all():
            found |= _indicators(frame[name], name)
        else:
            found[name] = values
            found |= {f"{name}^2": (values - values.mean()) ** 2} if squares and len(different) > 2 else {}
    x = np.column_stack(list(found.values())) if found else np.zeros((len(frame), 0))
    kept = _independent(x)
    return x[:, kept], tuple(np.array(list(found), dtype=object)[kept])


def _indicators(column: pd.Series, name: str) -> dict[str, Floats]:
    """A 0/1 column of each category but the first."""
    codes, levels = pd.factorize(column, sort=True)
    if len(levels) > MOST_LEVELS:
        raise ParameterError(
            f"covariate {name!r} has {len(levels)} categories, more than {MOST_LEVELS}: leave it out or group it"
        )
    return {f"{name}={_level(level)}": (codes == place).astype(float) for place, level in enumerate(levels) if place}


def _level(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _independent(x: Floats) -> Ints:
    """Columns that are neither constant nor a sum of those before them."""
    if not len(x) or not x.shape[1]:
        return np.zeros(0, np.int64)
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred
    length = np.sqrt(np.diag(gram))
    varies = np.flatnonzero(length > 1e-10 * np.maximum(np.abs(x).max(axis=0), 1e-300) * np.sqrt(len(x)))
    if not len(varies):
        return varies
    correlation = gram[np.ix_(varies, varies)] / np.outer(length[varies], length[varies])
    _, order, rank, _ = dpstrf(correlation, tol=LEAST_VARIANCE)
    return np.asarray(np.sort(varies[order[:rank] - 1]), np.int64)


def _family(outcome: Floats, offset: bool) -> Family:
    if offset:
        return "poisson"
    if len(outcome) and np.isin(outcome, (0, 1)).all():
        return "logistic"
    whole = (outcome >= 0).all() and (outcome <= LARGEST_COUNT).all() and (outcome == np.round(outcome)).all()
    return "poisson" if whole else "linear"
