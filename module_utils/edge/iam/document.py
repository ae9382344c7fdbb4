# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a policy document: JSON text or parsed JSON into checked pieces, every defect with its JSON path.

Source: AWS IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Union
from urllib.parse import unquote

from .errors import Defect, PolicyError

Document = Union[str, bytes, Mapping[str, Any]]


class _Object(dict[str, Any]):
    """A JSON object that remembers the keys it was given twice."""

    duplicates: tuple[str, ...] = ()


class Faults:
    """Collects the defects of one document. `tolerable` ones are those AWS stores all the same: warnings if lenient."""

    def __init__(self, name: str, lenient: bool) -> None:
        self.name = name
        self._lenient = lenient
        self.defects: list[Defect] = []
        self.warnings: list[Defect] = []

    def defect(self, path: str, message: str) -> None:
        """Record what AWS would refuse."""
        self.defects.append(Defect(path, message))

    def tolerable(self, path: str, message: str) -> None:
        """Record what AWS stores although it cannot do what it seems to say."""
        (self.warnings if self._lenient else self.defects).append(Defect(path, message))

    def warn(self, path: str, message: str) -> None:
        """Record what is valid and worth a look."""
        self.warnings.append(Defect(path, message))

    def check(self) -> None:
        """Raise PolicyError where there are defects."""
        if self.defects:
            raise PolicyError(self.name, self.defects)


def load(document: object, name: str) -> Mapping[str, Any]:
    """The object of a document: JSON text (percent-encoded text as the IAM API returns it too), bytes or a mapping."""
    if isinstance(document, bytes):
        try:
            document = document.decode("utf-8")
        except UnicodeDecodeError as error:
            raise PolicyError(name, [Defect("$", f"the text is not UTF-8 (byte {error.start})")]) from None
    if isinstance(document, str):
        document = _parse(document, name)
    if not isinstance(document, Mapping):
        raise PolicyError(name, [Defect("$", f"a policy is a JSON object, not {kind_of(document)}")])
    return document


def _parse(text: str, name: str) -> object:
    if text.lstrip()[:3].upper() == "%7B":
        text = unquote(text)
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse_constant)
    except RecursionError:
        raise PolicyError(name, [Defect("$", "the JSON is nested too deeply to be a policy")]) from None
    except ValueError as error:
        raise PolicyError(name, [Defect("$", f"the text is not JSON ({str(error)[:120]})")]) from None


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object(pairs)
    if len(result) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        result.duplicates = tuple(key for key, count in counts.items() if count > 1)
    return result


def kind_of(value: object) -> str:
    """The JSON name of a value's type, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "an array"
    return f"a {type(value).__name__}"


def shorten(text: str) -> str:
    """Text for a message: quoted, and cut where it is long."""
    return repr(text if len(text) <= 120 else text[:117] + "...")


def label(key: object) -> str:
    """A key for a message, whatever it is."""
    return shorten(key) if isinstance(key, str) else f"({kind_of(key)})"


def check_elements(value: Mapping[str, Any], allowed: Sequence[str], path: str, faults: Faults) -> None:
    """Report elements that the grammar does not know, and elements given twice."""
    for key in value:
        if not isinstance(key, str):
            faults.defect(path, f"an element name is a string, not {kind_of(key)}")
        elif key not in allowed:
            faults.defect(path, f"unknown element {shorten(key)}")
    report_duplicates(value, path, faults)


def report_duplicates(value: Mapping[str, Any], path: str, faults: Faults) -> None:
    """Report keys given more than once in the JSON text."""
    if isinstance(value, _Object):
        for key in value.duplicates:
            faults.defect(path, f"the element {shorten(key)} is given more than once")


def strings(value: object, path: str, faults: Faults) -> list[tuple[str, str]]:
    """A string or an array of strings as (path, text) pairs."""
    return _scalars(value, path, faults, numbers=False)


def scalars(value: object, path: str, faults: Faults) -> list[tuple[str, str]]:
    """As `strings`, and numbers and booleans too (condition values)."""
    return _scalars(value, path, faults, numbers=True)


def _scalars(value: object, path: str, faults: Faults, numbers: bool) -> list[tuple[str, str]]:
    if isinstance(value, (list, tuple)):
        if not value:
            faults.tolerable(path, "the array is empty, so it names nothing")
        pairs = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    else:
        pairs = [(path, value)]
    found: list[tuple[str, str]] = []
    for where, item in pairs:
        text = _text(item, numbers)
        if text is None:
            wanted = "a string, number or boolean" if numbers else "a string"
            faults.defect(where, f"expected {wanted}, not {kind_of(item)}")
        else:
            found.append((where, text))
    return found


def _text(item: object, numbers: bool) -> str | None:
    if isinstance(item, str):
        return item
    if not numbers:
        return None
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int):
        # Python refuses to print an integer of thousands of digits; no condition value is that long.
        return str(item) if item.bit_length() <= 512 else None
    return str(item) if isinstance(item, float) else None
