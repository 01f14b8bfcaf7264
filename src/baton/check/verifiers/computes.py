"""Arithmetic is computed again: an expression, what it is said to come to, and where its numbers come from.

Complete for what it looks at: the value is that of the expression, and every number in it stands in the sources. It
says nothing of whether it is the right expression.
"""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from baton.check.claims import Claim, Evidence, number_of
from baton.types.verdict import Verdict

MAX_CHARS = 2_000
MAX_NODES = 400
MAX_POWER = 64
MAX_BITS = 4_096
REL_TOL = 1e-12
"""What a float loses; who rounds says so with `round`."""
FREE = frozenset({"0", "1", "100"})
"""Numbers that an expression may have of its own: nothing, one more, per cent."""

Number = Fraction

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs, "round": round}


class NoArithmetic(ValueError):
    """Says what in the expression cannot be computed."""


def computes(value: Any, sources: Iterable[str]) -> Verdict:
    """`value` has the members `expression` (text) and `value` (a number)."""
    if not isinstance(value, Mapping) or not isinstance(value.get("expression"), str):
        return _failed("there is no `expression` to compute", ran=True)
    said = value.get("value")
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        return _failed("`value` is no number", ran=True)
    try:
        found, numbers = computed_value(value["expression"])
    except NoArithmetic as error:
        return _failed(str(error), ran=True)
    evidence = Evidence(sources)
    foreign = [one for one in numbers if one not in FREE and not evidence.traces(Claim("number", one, one, 0, 0))]
    if foreign:
        return _failed(f"{len(foreign)} of its numbers stand in no source", ran=True)
    if not math.isclose(float(found), float(said), rel_tol=REL_TOL, abs_tol=REL_TOL):
        return _failed("the expression comes to another value", ran=True)
    return Verdict("computes", passed=True, score=1.0, reason="computed again, it comes to the same")


def computed_value(expression: str) -> tuple[Number, list[str]]:
    """The exact value, and the numbers that stand in it as `number_of` writes them. Raises NoArithmetic."""
    if len(expression) > MAX_CHARS:
        raise NoArithmetic(f"the expression has more than {MAX_CHARS} characters")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NoArithmetic("the expression is no arithmetic") from error
    nodes = list(ast.walk(tree))
    if len(nodes) > MAX_NODES:
        raise NoArithmetic(f"the expression has more than {MAX_NODES} parts")
    numbers = [number_of(repr(one.value)) or "" for one in nodes if isinstance(one, ast.Constant)]
    try:
        return _value(tree.body), numbers
    except (ZeroDivisionError, OverflowError, TypeError, ValueError, RecursionError) as error:
        raise NoArithmetic(str(error) if isinstance(error, NoArithmetic) else "it cannot be computed") from error


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
            return -_value(inner) if isinstance(sign, ast.USub) else _value(inner)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _bounded(Fraction(_BINARY[type(op)](_value(left), _value(right))))
        case ast.Call(func=ast.Name(id="sum"), args=[ast.List(elts=items) | ast.Tuple(elts=items)], keywords=[]):
            return _bounded(sum((_value(one) for one in items), Fraction(0)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and arguments:
            return Fraction(_FUNCTIONS[name](*_arguments(name, arguments)))
    raise NoArithmetic(f"{type(node).__name__} is no arithmetic")


def _arguments(name: str, arguments: list[ast.expr]) -> list[Any]:
    found: list[Any] = [_value(one) for one in arguments]
    if name == "round" and len(found) == 2 and found[1].denominator == 1:
        found[1] = int(found[1])
    return found


def _power(base: Number, exponent: Number) -> Number:
    if exponent.denominator != 1 or abs(exponent) > MAX_POWER:
        raise NoArithmetic(f"only whole powers up to {MAX_POWER} are computed")
    return _bounded(Fraction(base**exponent))


def _bounded(value: Number) -> Number:
    if value.numerator.bit_length() > MAX_BITS or value.denominator.bit_length() > MAX_BITS:
        raise NoArithmetic("it grows too large")
    return value


def _failed(reason: str, *, ran: bool) -> Verdict:
    return Verdict("computes", passed=False, score=0.0, reason=reason, ran=ran)
