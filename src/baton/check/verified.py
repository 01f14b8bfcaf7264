"""`Verified`: a value that was let through, with what lets one believe it. Only `admit` can make one.

What is computed from verified values is verified too: it is worth its weakest part, and tainted where one part is.
"""

from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar, final

from baton.types.errors import UntrustedRead
from baton.types.trust import Assurance, Finding

T = TypeVar("T")
U = TypeVar("U")

_SEAL = object()
"""Whoever holds it can call a value verified. `check/seal.py` hands it to `admit`, and to nobody else."""


@final
class Verified(Generic[T]):
    __slots__ = ("assurance", "findings", "origin", "tainted", "value")

    value: T
    origin: str
    assurance: Assurance
    tainted: bool
    findings: tuple[Finding, ...]

    def __init__(
        self,
        value: T,
        *,
        origin: str,
        assurance: Assurance,
        tainted: bool,
        findings: tuple[Finding, ...],
        seal: object,
    ) -> None:
        """Raises UntrustedRead without the seal."""
        if seal is not _SEAL:
            raise UntrustedRead(f"a value from {origin} cannot be called verified by hand: let `admit` check it")
        given = {"value": value, "origin": origin, "assurance": assurance, "tainted": tainted, "findings": findings}
        for name, one in given.items():
            object.__setattr__(self, name, one)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise UntrustedRead(f"{self!r} cannot be changed: what was checked stays as it is")

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise UntrustedRead(f"{self!r} cannot be pickled: a copy from outside would be a seal that anybody can make")

    def __repr__(self) -> str:
        return f"<verified ({self.assurance.word}), from {self.origin}{', tainted' if self.tainted else ''}>"


def computed(function: Callable[..., U], *parts: Verified[Any], origin: str) -> Verified[U]:
    """What `function` makes of verified values. Whatever it raises is raised."""
    return Verified(
        function(*(part.value for part in parts)),
        origin=origin,
        assurance=min((part.assurance for part in parts), default=Assurance.EXECUTED),
        tainted=any(part.tainted for part in parts),
        findings=tuple(finding for part in parts for finding in part.findings),
        seal=_SEAL,
    )
