"""The two acts that only `admit` may do: look into an unverified value, and call one verified.

import-linter lets nobody but `baton.check.admit` import this module.
"""

from typing import TypeVar, cast

from baton.check.unverified import Unverified
from baton.check.verified import _SEAL, Verified
from baton.types.trust import Assurance, Finding

T = TypeVar("T")


def revealed(unverified: Unverified[T]) -> T:
    return cast("T", object.__getattribute__(unverified, "_Unverified__value"))


def sealed(value: T, *, origin: str, assurance: Assurance, tainted: bool, findings: tuple[Finding, ...]) -> Verified[T]:
    return Verified(value, origin=origin, assurance=assurance, tainted=tainted, findings=findings, seal=_SEAL)
