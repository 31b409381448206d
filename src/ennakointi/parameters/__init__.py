"""Reads the parameter documents, strictly: everything that is wrong in any of them is told at once.

A document is taken from the folder that is given, else from `./parameters`, else from the shipped ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StrictStr, TypeAdapter, ValidationError

from ennakointi import rules
from ennakointi.errors import ParameterError
from ennakointi.parameters import documents as doc
from ennakointi.parameters import mapping_checks
from ennakointi.parameters.code_lists import CodeList, read_code_list
from ennakointi.parameters.cross_checks import Contents, cross_checks, unknown
from ennakointi.parameters.debt_documents import DebtSettings, ExpertView
from ennakointi.parameters.dictionary_documents import DataDictionary
from ennakointi.parameters.document_faults import fault_sentences
from ennakointi.parameters.effect_documents import EffectSettings, Intervention
from ennakointi.parameters.export_documents import PersonExport
from ennakointi.parameters.feature_documents import FeatureSettings
from ennakointi.parameters.indicator_documents import IndicatorSettings
from ennakointi.parameters.mappings import MappingDocument
from ennakointi.parameters.need_documents import NeedSettings
from ennakointi.parameters.quality_documents import QualitySettings
from ennakointi.parameters.reporting_documents import FOLDER, Comments, Reporting, Term
from ennakointi.parameters.scenario_documents import Scenario
from ennakointi.parameters.segmentation_documents import SegmentationSettings
from ennakointi.parameters.yaml_documents import DocumentFault, read_yaml
from ennakointi.rules import Rule
from ennakointi.spelling import did_you_mean

_KINDS: Mapping[str, Any] = {
    "regions": dict[str, doc.Region],
    "services": dict[str, doc.Service],
    "target_groups": dict[str, doc.GroupDefinition],
    "interventions": dict[str, Intervention],
    "breaks": dict[str, doc.Break],
    "debt": DebtSettings,
    "expert_views": dict[str, ExpertView],
    "forecast": doc.ForecastSettings,
    "scenarios": dict[str, Scenario],
    "panel": doc.PanelSettings,
    "effects": EffectSettings,
    "disclosure": doc.DisclosureSettings,
    "notebooks": dict[str, doc.Notebook],
    "legal_basis": dict[str, dict[str, Annotated[StrictStr, Field(min_length=1)]]],
    "run": doc.RunSettings,
    "quality": QualitySettings,
    "data_dictionary": DataDictionary,
    "reporting": Reporting,
    "glossary": dict[str, Term],
    "indicators": IndicatorSettings,
    "features": FeatureSettings,
    "segmentation": SegmentationSettings,
    "need": NeedSettings,
    "person_exports": dict[str, PersonExport],
}
_NAMED_BY_KEY = {
    "regions": "code",
    "services": "code",
    "interventions": "id",
    "breaks": "id",
    "notebooks": "id",
    "scenarios": "id",
    "expert_views": "id",
    "person_exports": "id",
}


@dataclass(frozen=True)
class TargetGroup:
    """A target group with its rule bound: references to other groups and to sectors are resolved.

    Attributes
    ----------
    tg : numbers of the group in the programme's list.
    reported : whether the quarterly report of the region includes it.
    endogenous : whether it is defined by use itself, so that no debt is given for it.
    uses_care : whether membership can change because care was given or not.
    controllers : other controllers whose register the rule reads.
    aggregate_only : whether its members are never listed, only counted.
    """

    id: str
    label: doc.Label
    who: Rule
    tg: tuple[str, ...]
    reported: bool
    endogenous: bool
    uses_care: bool
    controllers: frozenset[str]
    aggregate_only: bool = False


@dataclass(frozen=True)
class Parameters:
    """Every parameter of a region. `legal_basis`: words by controller; `codes`: the code list of each condition of
    features.yml; `comments`: by quarter, `2025Q3`; `digests`: sha256 by document, and by the files that reporting.yml
    names."""

    region: doc.Region
    services: Mapping[str, doc.Service]
    target_groups: Mapping[str, TargetGroup]
    interventions: Mapping[str, Intervention]
    breaks: Mapping[str, doc.Break]
    debt: DebtSettings
    expert_views: Mapping[str, ExpertView]
    forecast: doc.ForecastSettings
    scenarios: Mapping[str, Scenario]
    panel: doc.PanelSettings
    effects: EffectSettings
    disclosure: doc.DisclosureSettings
    notebooks: Mapping[str, doc.Notebook]
    legal_basis: Mapping[str, str]
    run: doc.RunSettings
    quality: QualitySettings
    data_dictionary: DataDictionary
    reporting: Reporting
    glossary: Mapping[str, Term]
    indicators: IndicatorSettings
    features: FeatureSettings
    segmentation: SegmentationSettings
    need: NeedSettings
    person_exports: Mapping[str, PersonExport]
    mappings: Mapping[str, MappingDocument]
    comments: Mapping[str, Comments]
    codes: Mapping[str, CodeList]
    digests: Mapping[str, str]

    @property
    def report_groups(self) -> tuple[str, ...]:
        """Target groups of the region's quarterly report, in the order of the document."""
        return tuple(name for name, group in self.target_groups.items() if group.reported)

    def in_mode(self, mode: str) -> Parameters:
        """The parameters of a run in mode `full` (unchanged) or `fast` (fewer paths and draws)."""
        if mode == "full":
            return self
        debt = self.debt.model_copy(update={"n_paths": self.debt.n_paths_fast})
        forecast = self.forecast.model_copy(update={"n_paths": self.forecast.n_paths_fast})
        fewer = {"cost_draws": self.effects.cost_draws_fast}
        effects = self.effects.model_copy(update=fewer)
        return replace(self, debt=debt, forecast=forecast, effects=effects, segmentation=self.segmentation.fast)


def shipped(name: str) -> Path:
    """The folder `parameters` or `notebooks` that came with the program, in the wheel or the repository."""
    here = Path(__file__).parents[1]
    for folder in (here / "shipped" / name, here.parents[1] / name):
        if folder.is_dir():
            return folder
    raise ParameterError(f"the shipped folder {name!r} is missing; install the program again")


def find(name: str, file: str, folder: Path | None = None) -> Path:
    """A file of the folder that is given, else of `./<name>`, else of the shipped folder `name`.

    Raises
    ------
    ParameterError
        The folder that is given does not exist, or no folder holds the file.
    """
    for place in _folders(name, folder):
        if (place / file).is_file():
            return place / file
    raise ParameterError(f"{file}: not found in the {name} that are given, in ./{name} or among the shipped ones")


def load(folder: Path | None = None, region: str = "paijat-hame") -> Parameters:
    """The parameters of a region.

    Parameters
    ----------
    folder
        Documents that replace the shipped ones, each as a whole; the others come from `./parameters` or are
        shipped.
    region
        Key of `regions.yml`.

    Raises
    ------
    ParameterError
        With every fault of every document: file, key path, what was given, what is expected.
    """
    faults = list(_misspelt_files(_folders("parameters", folder)[:-1]))
    parts: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for name, kind in _KINDS.items():
        file = find("parameters", f"{name}.yml", folder)
        parts[name] = _read(f"{name}.yml", file, kind, partial(_with_key, name), digests, faults)
    read = {
        name: _read(f"mappings/{name}.yml", file, MappingDocument, partial(_with, "id", name), digests, faults)
        for name, file in _files_in("mappings", folder).items()
    }
    comments = {
        name: _read(f"comments/{name}.yml", file, Comments, partial(_with, "quarter", name), digests, faults)
        for name, file in _files_in("comments", folder).items()
    }
    codes = {name: _code_list(name, file, digests, faults) for name, file in _files_in("codes", folder, "csv").items()}
    if faults:
        raise _error(faults)
    for attached in parts["reporting"].attachments:
        digests[attached.name] = attached.sha256
    return _bound(Contents(**parts, comments=comments, codes=codes), region, read, digests)


def _read(
    title: str,
    file: Path,
    kind: Any,
    completed: Callable[[dict[Any, Any]], dict[Any, Any]],
    digests: dict[str, str],
    faults: list[str],
) -> Any:
    """A document of a kind; adds its digest, or what is wrong with it."""
    try:
        raw, content = read_yaml(file)
        digests[title] = hashlib.sha256(content).hexdigest()
        return TypeAdapter(kind).validate_python(completed(raw), context={FOLDER: file.parent})
    except DocumentFault as fault:
        faults.append(f"{title}: {fault}")
    except ValidationError as error:
        faults.extend(f"{title}: {sentence}" for sentence in fault_sentences(error, kind))
    return None


def _code_list(name: str, file: Path, digests: dict[str, str], faults: list[str]) -> Any:
    """A code list; adds its digest, or what is wrong with it."""
    title = f"codes/{name}.csv"
    try:
        read, content = read_code_list(file)
        digests[title] = hashlib.sha256(content).hexdigest()
        return read
    except DocumentFault as fault:
        faults.append(f"{title}: {fault}")
    return None


def _folders(name: str, folder: Path | None) -> list[Path]:
    if folder is not None and not folder.is_dir():
        raise ParameterError(f"{name}: the folder {folder.name!r} does not exist; check the option that names it")
    return [*([] if folder is None else [folder]), Path(name), shipped(name)]


def _misspelt_files(folders: list[Path]) -> Iterator[str]:
    names = [f"{name}.yml" for name in _KINDS]
    for folder in folders:
        for file in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
            if file.name not in names and (near := did_you_mean(file.name, names)):
                yield f"{file.name}: is not a parameter document{near}"


def _with_key(name: str, raw: dict[Any, Any]) -> dict[Any, Any]:
    """Each entry with its own key as a field, so that a record knows its name."""
    if name == "disclosure":
        lists = ("presets", "exceptions")
        return {key: _named(of, "name") if key in lists and isinstance(of, dict) else of for key, of in raw.items()}
    return _named(raw, _NAMED_BY_KEY[name]) if name in _NAMED_BY_KEY else raw


def _named(raw: dict[Any, Any], field: str) -> dict[Any, Any]:
    return {key: {field: key, **value} if isinstance(value, dict) else value for key, value in raw.items()}


def _with(field: str, name: str, raw: dict[Any, Any]) -> dict[Any, Any]:
    return {field: name, **raw}


def _files_in(kind: str, folder: Path | None, ending: str = "yml") -> dict[str, Path]:
    """Every file of the folder `mappings`, `comments` or `codes` by its name; a given one replaces a shipped one."""
    return {
        file.stem: file
        for place in reversed(_folders("parameters", folder))
        for file in sorted((place / kind).glob(f"*.{ending}"))
    }


def _bound(
    contents: Contents, region: str, read: Mapping[str, MappingDocument], digests: Mapping[str, str]
) -> Parameters:
    faults = [*unknown("--region", [region], contents.regions, "region"), *cross_checks(contents)]
    sectors = {code: service.sector for code, service in contents.services.items()}
    bound, broken = rules.bind({name: group.who for name, group in contents.target_groups.items()}, sectors)
    faults.extend(f"target_groups.yml: {sentence}" for sentence in broken)
    vocabularies = {"services": contents.services, "results": contents.quality.results}
    faults.extend(
        f"mappings/{name}.yml: {sentence}"
        for name, document in read.items()
        for sentence in mapping_checks.faults(document, vocabularies)
    )
    if faults:
        raise _error(faults)
    own = {
        "target_groups": {name: _group(name, contents, bound[name], region) for name in contents.target_groups},
        "interventions": {name: one for name, one in contents.interventions.items() if region in one.regions},
        "breaks": {name: one for name, one in contents.breaks.items() if region in one.regions},
        "notebooks": dict(sorted(contents.notebooks.items(), key=lambda item: item[1].order)),
        "legal_basis": {code: bases[region] for code, bases in contents.legal_basis.items() if region in bases},
    }
    as_read = {one.name: getattr(contents, one.name) for one in fields(contents) if one.name != "regions"}
    return Parameters(**{**as_read, **own}, region=contents.regions[region], mappings=read, digests=digests)


def _group(name: str, contents: Contents, rule: Rule, region: str) -> TargetGroup:
    definition = contents.target_groups[name]
    return TargetGroup(
        id=name,
        label=definition.label,
        who=rule,
        tg=definition.tg,
        reported=region in definition.report,
        endogenous=rules.defined_by_use(rule),
        uses_care=rules.uses_care(rule),
        controllers=rules.controllers(rule),
        aggregate_only=definition.aggregate_only,
    )


def _error(faults: list[str]) -> ParameterError:
    places = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
    return ParameterError("\n  - ".join([f"the parameters cannot be used ({places}):", *faults]))
