"""`Unverified`: what a model said, before anybody checked it. Whatever would read it raises.

So a leak is loud: an f-string, a comparison, a JSON encoder, a pickle. The one way to the value is `admit`. Python
cannot keep hostile code of the same process out; this is against mistakes, and against what models write.
"""

from typing import Any, Generic, NoReturn, Self, TypeVar, final

from baton.types.errors import UntrustedRead

T = TypeVar("T")


@final
class Unverified(Generic[T]):
    """`origin` names who made it (sub-task and model), `tainted` whether untrusted text was in its ancestry."""

    __slots__ = ("__value", "origin", "tainted")

    origin: str
    tainted: bool

    def __init__(self, value: T, *, origin: str, tainted: bool) -> None:
        object.__setattr__(self, "_Unverified__value", value)
        object.__setattr__(self, "origin", origin)
        object.__setattr__(self, "tainted", tainted)

    def __repr__(self) -> str:
        """Without the value, for logs and tracebacks."""
        return f"<unverified, from {self.origin}{', tainted' if self.tainted else ''}>"

    def _refuse(self, *_args: Any, **_more: Any) -> NoReturn:
        raise UntrustedRead(f"{self!r} was read before it was checked: let `admit` check it against a contract first")

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise UntrustedRead(f"{self!r} cannot be changed: make a new one")

    def __getattr__(self, name: str) -> NoReturn:
        self._refuse()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self

    __str__ = __format__ = __bytes__ = __fspath__ = _refuse
    __bool__ = __len__ = __iter__ = __next__ = __reversed__ = __contains__ = _refuse
    __getitem__ = __call__ = __await__ = __aiter__ = __enter__ = __exit__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse
    __int__ = __float__ = __complex__ = __index__ = __neg__ = __abs__ = __round__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __or__ = __ror__ = __and__ = __rand__ = _refuse
    __reduce__ = __reduce_ex__ = __getstate__ = _refuse
