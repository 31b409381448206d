"""What is wrong in a document, in sentences: the key path, what was given, what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from ennakointi.rules.nodes import NODES
from ennakointi.spelling import did_you_mean

_HIDDEN_STEPS = ("rules", "rule", "years")  # fields that the YAML form of a rule does not show
_EXPECTED = {
    "string_type": "expected text; put codes in quotes",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
    "tuple_type": "expected a list",
    "union_tag_not_found": "expected a rule: a mapping with one key",
}


def fault_sentences(error: ValidationError, kind: Any) -> list[str]:
    """One sentence per fault that pydantic found in a document of type `kind`."""
    sentences = []
    details = error.errors(include_url=False)
    spoiled = {detail["loc"][:i] for detail in details for i in range(len(detail["loc"]))}
    for detail in details:
        if detail["type"] == "too_short" and detail["loc"] in spoiled:  # only because what is inside is wrong
            continue
        text = f"{key_path(detail['loc'])}: {_message(detail, kind)}"
        if text not in sentences:
            sentences.append(text)
    return sentences


def key_path(steps: Sequence[str | int]) -> str:
    """`young.who.all[0].age` for the steps to a key."""
    path = ""
    for i, step in enumerate(steps):
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]":
            path += " (key)"
        elif step.startswith("<"):  # which form of an expression it is
            continue
        elif step not in _HIDDEN_STEPS or i == 0:
            path += f".{step}" if path else str(step)
    return path or "the document"


def _message(detail: ErrorDetails, kind: Any) -> str:
    context = detail.get("ctx", {})
    given = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            known = _keys_at(kind, detail["loc"][:-1])
            return f"unknown key{did_you_mean(detail['loc'][-1], known)}; known: {', '.join(known)}"
        case "missing":
            return "is missing"
        case "union_tag_invalid":
            tag, names = context["tag"], [word.strip("' ") for word in context["expected_tags"].split(",")]
            return f"unknown rule {tag!r}{did_you_mean(tag, names)}; known: {', '.join(names)}"
        case "literal_error":
            near = did_you_mean(given, [word.strip("'") for word in _literals(context["expected"])])
            return f"{given!r} is not allowed{near}; expected {context['expected']}"
        case "value_error":
            return str(context["error"])
        case known_type:
            expected = _EXPECTED.get(known_type, detail["msg"][:1].lower() + detail["msg"][1:])
            return f"{expected}; was {_short(given)}"


def _literals(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _keys_at(kind: Any, steps: Sequence[str | int]) -> list[str]:
    """Keys that a document of type `kind` knows at the end of the steps."""
    for step in steps:
        kind = _inside(_plain(kind), step)
    kind = _plain(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []


def _inside(kind: Any, step: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
    form = next((one for one in get_args(kind) if Tag(str(step)) in getattr(one, "__metadata__", ())), None)
    if form is not None:
        return form
    node = next((node for node in NODES if node.name == step), None)
    if node is not None and (kind is None or kind in (Union, *NODES) or _is_rule(kind)):
        return node
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def _is_rule(kind: Any) -> bool:
    return any(argument in NODES for argument in map(_plain, get_args(kind)))


def _plain(kind: Any) -> Any:
    """A type without its annotations, and without None as an alternative."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    alternatives = [argument for argument in get_args(kind) if argument is not type(None)]
    if len(alternatives) == 1 and len(get_args(kind)) == 2 and type(None) in get_args(kind):
        return _plain(alternatives[0])
    return kind
