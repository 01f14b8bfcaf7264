"""A tree of nodes -> values of the types in `shape.py`. Every mismatch is noted and left out, so that the rest is read.

Plain scalars are typed by what is expected and by YAML 1.2: `off` and `no` are texts, `1e6` is a number.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec import inspect as shapes

from baton.config.problems import Problems, joined, nearest, shown
from baton.config.tree import Node
from baton.config.variables import Variables
from baton.types.secret import Secret

NULLS = {"", "~", "null", "Null", "NULL"}
FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?[0-9]+")
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
MAX_DIGITS = 30

T = TypeVar("T")

BAD: Final = object()
"""Stands for a value that could not be read; the problem is noted already."""


class Reader:
    def __init__(self, variables: Variables, problems: Problems) -> None:
        self._variables = variables
        self._problems = problems
        self._readers: dict[type, Callable[[Node, Any, str], Any]] = {
            shapes.UnionType: self._union,
            shapes.StructType: self._struct,
            shapes.DictType: self._dict,
            shapes.VarTupleType: self._list,
            shapes.FrozenSetType: self._list,
            shapes.StrType: self._text,
            shapes.CustomType: self._secret,
            shapes.BoolType: self._flag,
            shapes.IntType: self._number,
            shapes.FloatType: self._number,
            shapes.LiteralType: self._literal,
        }

    def read(self, node: Node, kind: shapes.Type, path: str) -> Any:
        """The value without its bad members, or BAD when nothing is left of it."""
        if path:
            self._problems.lines.setdefault(path, node.line)
        if isinstance(kind, shapes.Metadata):
            return self._checked(node, kind, path)
        return self._readers[type(kind)](node, kind, path)

    def _checked(self, node: Node, kind: shapes.Metadata, path: str) -> Any:
        value = self.read(node, kind.type, path)
        check = (kind.extra or {}).get("check")
        if value is BAD or value is None or check is None:
            return value
        secret = isinstance(value, Secret)
        if problem := check(value.reveal() if secret else value):
            return self._bad(path, f"{'the secret' if secret else self._shown(node)} {problem}", node)
        return value

    def _union(self, node: Node, kind: shapes.UnionType, path: str) -> Any:
        types = [one for one in kind.types if not isinstance(one, shapes.NoneType)]
        if len(types) < len(kind.types) and self._is_null(node):
            return None
        wants_mapping = isinstance(node.value, dict)
        fitting = [one for one in types if isinstance(_bare(one), shapes.StructType) == wants_mapping]
        return self.read(node, (fitting or types)[0], path)

    def _struct(self, node: Node, kind: shapes.StructType, path: str) -> Any:
        if not isinstance(node.value, dict):
            return self._bad(path, f"must be a mapping ('key: value' lines), not {self._shown(node)}", node)
        fields = {field.encode_name: field for field in kind.fields}
        values: dict[str, Any] = {}
        for name, inner in node.value.items():
            field = fields.get(name)
            if field is None:
                self._bad(joined(path, name), f"unknown key {shown(name)}: {nearest(name, fields)}", inner)
            elif not self._is_null(inner) or field.required:
                values[field.name] = self.read(inner, field.type, joined(path, name))
        for field in kind.fields:
            if field.required and field.encode_name not in node.value:
                self._bad(path, f"{field.encode_name!r} is missing: add it", node)
        good = {name: value for name, value in values.items() if value is not BAD}
        return kind.cls(**good) if all(field.name in good for field in kind.fields if field.required) else BAD

    def _dict(self, node: Node, kind: shapes.DictType, path: str) -> Any:
        if not isinstance(node.value, dict):
            return self._bad(path, f"must be a mapping ('name: ...' lines), not {self._shown(node)}", node)
        found = {}
        for name, inner in node.value.items():
            where = joined(path, name)
            key = self.read(Node(inner.line, name), kind.key_type, where)
            value = self.read(inner, kind.value_type, where)
            if value is BAD and _may_be_none(kind.value_type):
                value = None
            if key is not BAD and value is not BAD:
                found[name] = value
        return found

    def _list(self, node: Node, kind: shapes.VarTupleType | shapes.FrozenSetType, path: str) -> Any:
        if not isinstance(node.value, list):
            return self._bad(path, f"must be a list ('- item' lines or [a, b]), not {self._shown(node)}", node)
        if kind.min_length and len(node.value) < kind.min_length:
            return self._bad(path, "is an empty list: name at least one", node)
        items = []
        for index, inner in enumerate(node.value):
            where = f"{path}[{index}]"
            if self._is_null(inner):
                item = self._bad(where, "is empty: fill in the item, or remove it", inner)
            else:
                item = self.read(inner, kind.item_type, where)
            # None keeps the place of an item where the type allows it, so that the later ones keep their index.
            items.append(None if item is BAD and _may_be_none(kind.item_type) else item)
        items = [item for item in items if item is not BAD]
        return frozenset(items) if isinstance(kind, shapes.FrozenSetType) else tuple(items)

    def _text(self, node: Node, kind: shapes.StrType, path: str) -> Any:
        text = self._scalar(node, path, "a text")
        if text is BAD:
            return BAD
        assert isinstance(node.value, str)
        written = self._variables.written(node.value) == node.value
        if node.plain and written and isinstance(typed_scalar(text), int | float | bool):
            return self._bad(path, f"must be a text, not {self._shown(node)}: put it in quotes", node)
        if self._is_null(node) or (kind.min_length and not text):
            return self._bad(path, "is empty: give it a value", node)
        return text

    def _secret(self, node: Node, _kind: shapes.CustomType, path: str) -> Any:
        text = self._scalar(node, path, "a text")
        return BAD if text is BAD else Secret(text)

    def _flag(self, node: Node, _kind: shapes.BoolType, path: str) -> Any:
        text = self._scalar(node, path, "true or false")
        if text is BAD or text in FLAGS:
            return text if text is BAD else FLAGS[text]
        return self._bad(path, f"must be true or false, not {self._shown(node)}", node)

    def _number(self, node: Node, kind: shapes.IntType | shapes.FloatType, path: str) -> Any:
        whole = isinstance(kind, shapes.IntType)
        what = "a whole number" if whole else "a number"
        text = self._scalar(node, path, what)
        if text is BAD:
            return BAD
        value = typed_scalar(text)
        if isinstance(value, float) and whole and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not math.isfinite(value):
            return self._bad(path, f"must be {what}, not {self._shown(node)}", node)
        if problem := _out_of_range(value, kind):
            return self._bad(path, f"must be {problem}, not {self._shown(node)}", node)
        return value if whole else float(value)

    def _literal(self, node: Node, kind: shapes.LiteralType, path: str) -> Any:
        known = {str(value): value for value in kind.values}
        text = self._scalar(node, path, f"one of {', '.join(known)}")
        if text is BAD or text in known:
            return text if text is BAD else known[text]
        return self._bad(path, f"{self._shown(node)} is not a choice here: {nearest(text, known)}", node)

    def _scalar(self, node: Node, path: str, wanted: str) -> Any:
        """The text of a scalar with its environment variables filled in."""
        if not isinstance(node.value, str):
            return self._bad(path, f"must be {wanted}, not {self._shown(node)}", node)
        expanded = self._variables.expand(node.value)
        for name in expanded.missing:
            self._bad(
                path, f"environment variable {name!r} is not set: export it, or give a default: ${{{name}:-...}}", node
            )
        return BAD if expanded.missing else expanded.text

    def _is_null(self, node: Node) -> bool:
        return node.plain and node.value in NULLS

    def _shown(self, node: Node) -> str:
        if isinstance(node.value, dict):
            return "a mapping"
        if isinstance(node.value, list):
            return "a list"
        return "nothing" if self._is_null(node) else shown(self._variables.written(node.value))

    def _bad(self, path: str, text: str, node: Node) -> Any:
        self._problems.add(path, text, node.line)
        return BAD


def read_as(kind: type[T], node: Node, variables: Variables, problems: Problems) -> T:
    """An instance of the Struct without its bad members. Raises ConfigError when nothing is left of it."""
    value = Reader(variables, problems).read(node, shapes.type_info(kind), "")
    if value is BAD:
        problems.raise_if_any()
    assert isinstance(value, kind)
    return value


def _bare(kind: shapes.Type) -> shapes.Type:
    return kind.type if isinstance(kind, shapes.Metadata) else kind


def _may_be_none(kind: shapes.Type) -> bool:
    bare = _bare(kind)
    return isinstance(bare, shapes.UnionType) and any(isinstance(one, shapes.NoneType) for one in bare.types)


def typed_scalar(text: str) -> int | float | bool | str:
    """What a plain scalar means in YAML 1.2; NaN for every number that is not finite."""
    if text in FLAGS:
        return FLAGS[text]
    if len(text) <= MAX_DIGITS and INTEGER.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text):
        return float(text)
    if NOT_FINITE.fullmatch(text):
        return math.nan
    return text


def _out_of_range(value: float, kind: shapes.IntType | shapes.FloatType) -> str:
    """What the value must be, or an empty text when it is that."""
    wanted = []
    if kind.ge is not None:
        wanted.append((value >= kind.ge, f"at least {kind.ge}"))
    if kind.gt is not None:
        wanted.append((value > kind.gt, f"more than {kind.gt}"))
    if kind.le is not None:
        wanted.append((value <= kind.le, f"at most {kind.le}"))
    return " and ".join(text for _, text in wanted) if not all(holds for holds, _ in wanted) else ""
