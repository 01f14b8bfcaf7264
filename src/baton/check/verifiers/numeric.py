"""The final number of an answer, in its unit, within a tolerance.

A comma or a point followed by exactly three digits separates thousands when it repeats or when the other sign follows;
a lone comma before three digits is read as thousands (1,234), a lone point as decimal (1.234).
"""

import math
import re

from baton.check.spoken import without_thousands
from baton.types.verdict import Answer, Numeric, Verdict

UNITS: dict[str, tuple[str, float]] = {
    # unit: kind, factor to the kind's base
    "mm": ("length", 0.001), "cm": ("length", 0.01), "m": ("length", 1.0), "km": ("length", 1000.0),
    "meter": ("length", 1.0), "metre": ("length", 1.0), "kilometer": ("length", 1000.0),
    "kilometre": ("length", 1000.0), "inch": ("length", 0.0254), "ft": ("length", 0.3048), "mile": ("length", 1609.344),
    "mg": ("mass", 1e-6), "g": ("mass", 0.001), "gram": ("mass", 0.001), "kg": ("mass", 1.0), "kilogram": ("mass", 1.0),
    "t": ("mass", 1000.0), "tonne": ("mass", 1000.0), "lb": ("mass", 0.45359237), "pound": ("mass", 0.45359237),
    "ms": ("time", 0.001), "s": ("time", 1.0), "sec": ("time", 1.0), "second": ("time", 1.0), "min": ("time", 60.0),
    "minute": ("time", 60.0), "h": ("time", 3600.0), "hr": ("time", 3600.0), "hour": ("time", 3600.0),
    "day": ("time", 86400.0), "week": ("time", 604800.0),
    "ml": ("volume", 0.001), "cl": ("volume", 0.01), "dl": ("volume", 0.1), "l": ("volume", 1.0),
    "liter": ("volume", 1.0), "litre": ("volume", 1.0),
    "$": ("usd", 1.0), "usd": ("usd", 1.0), "dollar": ("usd", 1.0), "cent": ("usd", 0.01),
    "\u20ac": ("eur", 1.0), "eur": ("eur", 1.0), "euro": ("eur", 1.0), "\u00a3": ("gbp", 1.0), "gbp": ("gbp", 1.0),
    "%": ("percent", 1.0), "percent": ("percent", 1.0),
    "km/h": ("speed", 1.0), "kph": ("speed", 1.0), "m/s": ("speed", 3.6), "mph": ("speed", 1.609344),
}  # fmt: skip

_NUMBER = r"[-+\u2212]?(?:\d{1,3}(?:[\u00a0\u202f ]\d{3})+(?!\d)(?:[.,]\d+)?|\d[\d.,]*\d|\d)(?:[eE][-+]?\d+)?"
_FOUND = re.compile(
    rf"([$\u20ac\u00a3])?\s*({_NUMBER})(?:\s*/\s*(\d+)(?!\d))?\s*([%$\u20ac\u00a3]|[A-Za-z]+(?:/[A-Za-z]+)?)?"
)
_MARKED = (re.compile(r"\\boxed\{([^{}]*)\}"), re.compile(r"####\s*(.+)"))


def numeric(answer: Answer, check: Numeric) -> Verdict:
    """Raises ValueError when the check demands a unit that nobody knows."""
    wanted = _unit(check.unit) if check.unit is not None else None
    if check.unit is not None and wanted is None:
        raise ValueError(f"the unit {check.unit!r} is not known: {', '.join(UNITS)}")
    found = final_number(answer.text)
    if found is None:
        return Verdict("numeric", passed=False, score=0.0, reason="there is no number in the answer")
    value, unit = found
    if wanted is not None and unit:
        given = _unit(unit)
        if given is None or given[0] != wanted[0]:
            reason = f"{value:g} is given in {unit!r}, not in {check.unit!r}"
            return Verdict("numeric", passed=False, score=0.0, reason=reason)
        value *= given[1] / wanted[1]
    passed = math.isclose(value, check.gold, rel_tol=check.rel_tol, abs_tol=check.abs_tol)
    reason = f"{value:g} equals {check.gold:g}" if passed else f"{value:g} instead of {check.gold:g}"
    return Verdict("numeric", passed=passed, score=float(passed), reason=reason)


def final_number(text: str) -> tuple[float, str] | None:
    """The number that a solution ends with, and the unit beside it (empty where none stands there)."""
    for pattern in _MARKED:
        if marked := pattern.findall(text):
            text = marked[-1]
            break
    matches = list(_FOUND.finditer(text))
    for match in reversed(matches):
        value = _value(match[2])
        if value is None:
            continue
        if match[3] is not None and float(match[3]) != 0.0:
            value /= float(match[3])
        unit = match[1] or match[4] or ""
        return value, unit if match[1] or _unit(unit) is not None or len(unit) <= 1 else ""
    return None


def _unit(word: str) -> tuple[str, float] | None:
    lowered = word.lower()
    for form in (lowered, lowered.removesuffix("s"), lowered.removesuffix("es")):
        if form in UNITS:
            return UNITS[form]
    return None


def _value(text: str) -> float | None:
    plain = re.sub(r"[\u00a0\u202f ]", "", text).replace("\u2212", "-").rstrip(".,")
    mantissa, exponent = re.fullmatch(r"([^eE]*)((?:[eE].*)?)", plain).groups()  # type: ignore[union-attr]
    try:
        return float(without_thousands(mantissa) + exponent)
    except ValueError:
        return None
