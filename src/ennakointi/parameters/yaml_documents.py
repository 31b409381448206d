"""A YAML file read strictly: UTF-8, a mapping at the top, no key given twice, no quiet surprises."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml


class DocumentFault(Exception):
    """Why a file cannot be read as a document; the message says where and what to do."""


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, except that a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise DocumentFault(f"line {line}: the key {key!r} is given twice; keep one of them")
            seen.add(key)
        self.flatten_mapping(node)
        return super().construct_mapping(node, deep=deep)


def read_yaml(file: Path) -> tuple[dict[Any, Any], bytes]:
    """The mapping in a file and the bytes it was read from.

    Raises
    ------
    DocumentFault
        When the file cannot be read, is no UTF-8, no YAML, or no mapping, or gives a key twice.
    """
    try:
        content = file.read_bytes()
        document = yaml.load(content.decode("utf-8"), Loader=_StrictLoader)
    except OSError as error:
        raise DocumentFault(f"cannot be read ({error.strerror}); check that it exists and its rights") from error
    except UnicodeDecodeError as error:
        raise DocumentFault("is not UTF-8; save it again in that encoding") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise DocumentFault(f"{where}is not YAML ({getattr(error, 'problem', None) or 'syntax'})") from error
    if not isinstance(document, dict):
        raise DocumentFault(f"expected `key: value` lines, found {type(document).__name__}")
    return document, content
