"""What goes to Redis and what comes back (RESP 2), many commands and many answers at a time.

The driver packs and reads each word by itself, with several awaits: that took a third of the CPU of a request.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Word = str | bytes | int | float


class Ready(NamedTuple):
    """Words that are packed already, for what is said again and again."""

    words: int
    data: bytes


class Refused(Exception):
    """Redis answered with an error: its first word says which."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]


class _Incomplete(Exception):
    pass


def ready(words: Sequence[Word]) -> Ready:
    return Ready(len(words), b"".join(map(_word, words)))


def packed(words: Sequence[Word | Ready]) -> bytes:
    """One command."""
    count, pieces = 0, []
    for word in words:
        if type(word) is Ready:
            count += word.words
            pieces.append(word.data)
        else:
            count += 1
            pieces.append(_word(word))  # type: ignore[arg-type]
    return b"*%d\r\n%b" % (count, b"".join(pieces))


def _word(word: Word) -> bytes:
    if type(word) is str:
        raw = word.encode()
    elif type(word) is bytes:
        raw = word
    else:
        raw = repr(word).encode()
    return b"$%d\r\n%b\r\n" % (len(raw), raw)


class Answers:
    """Feed it what arrives. An error is an answer too: `Refused`. Raises ValueError for what is not RESP 2."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self._rest = b""

    def feed(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        try:
            while at < end:
                answer, at = _read(data, at)
                self.found.append(answer)
        except _Incomplete:
            pass
        self._rest = data[at:]

    @property
    def whole(self) -> bool:
        """No answer has begun that is not there to its end."""
        return not self._rest


def _read(data: bytes, at: int) -> tuple[Any, int]:
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _Incomplete
    kind, head, after = data[at : at + 1], data[at + 1 : end], end + 2
    if kind in {b"$", b"*"}:
        size = int(head)
        if size < 0:
            return None, after
        return _bytes(data, after, size) if kind == b"$" else _list(data, after, size)
    if kind not in SIMPLE:
        raise ValueError(f"Redis answered with {data[at : at + 20]!r}")
    return SIMPLE[kind](head), after


SIMPLE: dict[bytes, Callable[[bytes], Any]] = {
    b":": int,
    b"+": bytes,
    b"-": lambda head: Refused(head.decode(errors="replace")),
}


def _bytes(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if len(data) < at + size + 2:
        raise _Incomplete
    return data[at : at + size], at + size + 2


def _list(data: bytes, at: int, size: int) -> tuple[list[Any], int]:
    answers = []
    for _ in range(size):
        answer, at = _read(data, at)
        answers.append(answer)
    return answers, at
