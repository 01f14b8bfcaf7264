"""The run record: what was asked, answered, graded and paid, one JSON object a line, appended as it happens.

Life of a call: 1. `begin` writes what it may cost at most; 2. `answered` or `graded` writes what came of it. Whoever
reads the file after a kill finds every answer that was paid for, and counts a call without an end as paid in full. One
file serves baseline, ladder and certificates: an answer that is in it is not asked for again.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
from msgspec import Struct

from baton.types.errors import ProofError
from baton.types.verdict import Answer

VERSION = 1


class Opened(Struct, frozen=True, tag="record"):
    version: int = VERSION


class Begun(Struct, frozen=True, tag="begin", omit_defaults=True):
    """A call that is about to be sent. `call` counts the calls of the file; `at_most` in nano-dollars."""

    call: int
    run: str
    at_most: int


class Answered(Struct, frozen=True, tag="answer", omit_defaults=True):
    """`prompt` is the prompt's key, `model` its identity: see `types.certificate.identity`.

    `answer` is None where the content rules keep no text; `fault` is set where there is none.
    """

    call: int
    run: str
    prompt: str
    model: str
    cost: int
    output_tokens: int
    characters: int
    duration_s: float
    first_byte_s: float
    simulated: bool = False
    declined: bool = False
    cut: bool = False
    fault: str = ""
    told: str = ""
    answer: Answer | None = None


class Graded(Struct, frozen=True, tag="grade", omit_defaults=True):
    """`prompt` is the key of the prompt with its gold. `against`: identity of the model that a judge compared with."""

    prompt: str
    model: str
    grader: str
    score: float | None
    reason: str = ""
    formed: bool = True
    flipped: bool = False
    against: str = ""
    task_type: str = ""
    model_id: str = ""
    """As the config of that day named it."""


class Paid(Struct, frozen=True, tag="paid"):
    """A call of a judge has ended."""

    call: int
    run: str
    cost: int


class Labelled(Struct, frozen=True, tag="label", omit_defaults=True):
    """What a person says of an answer, 0..1."""

    prompt: str
    model: str
    by: str
    score: float
    at: float
    note: str = ""


Line = Opened | Begun | Answered | Graded | Paid | Labelled
_LINE = msgspec.json.Decoder(Line)
_ENCODER = msgspec.json.Encoder()


def grades_in(path: Path) -> list[Graded]:
    """The newest grade of each answer, also while a run is writing. None where there is no record; else ProofError."""
    found: dict[tuple[str, str, str, str], Graded] = {}
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    for number, line in enumerate(lines, 1):
        try:
            read = _LINE.decode(line)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ProofError(f"{path}: line {number} is no line of a run record: {error}") from error
        if isinstance(read, Graded):
            found[read.prompt, read.model, read.grader, read.against] = read
    return list(found.values())


class Journal:
    """Opened with `with`; one process at a time writes into a file."""

    def __init__(self, path: Path, *, keep_answers: bool = True) -> None:
        """Raises ProofError for a file that is none, is of another version, or is being written by somebody else."""
        self.path = path
        self.keep_answers = keep_answers
        self.answers: dict[tuple[str, str], Answered] = {}
        self.grades: dict[tuple[str, str, str, str], Graded] = {}
        self.labels: dict[tuple[str, str, str], Labelled] = {}
        self._spent: dict[str, int] = {}
        self._open: dict[int, Begun] = {}
        self._calls = 0
        self._file = self._opened()
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def spent(self, run: str) -> int:
        """Nano-dollars, with what calls without an end may have cost."""
        return self._spent.get(run, 0) + sum(one.at_most for one in self._open.values() if one.run == run)

    def begin(self, run: str, at_most: int) -> int:
        """The number of the call."""
        self._calls += 1
        self._add(Begun(self._calls, run, at_most))
        return self._calls

    def answered(self, line: Answered) -> Answered:
        self._add(line if self.keep_answers else msgspec.structs.replace(line, answer=None))
        self.answers[line.prompt, line.model] = line
        return line

    def paid(self, call: int, run: str, cost: int) -> None:
        self._add(Paid(call, run, cost))

    def graded(self, line: Graded) -> Graded:
        self._add(line)
        return line

    def labelled(self, line: Labelled) -> None:
        self._add(line)

    def _add(self, line: Line) -> None:
        self._file.write(_ENCODER.encode(line) + b"\n")
        self._file.flush()
        self._take(line)

    def _take(self, line: Line) -> None:
        match line:
            case Begun():
                self._open[line.call] = line
                self._calls = max(self._calls, line.call)
            case Answered() | Paid():
                self._open.pop(line.call, None)
                self._spent[line.run] = self._spent.get(line.run, 0) + line.cost
                if isinstance(line, Answered):
                    self.answers[line.prompt, line.model] = line
            case Graded():
                self.grades[line.prompt, line.model, line.grader, line.against] = line
            case Labelled():
                self.labels[line.prompt, line.model, line.by] = line

    def _opened(self) -> BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        file = os.fdopen(descriptor, "r+b", buffering=1 << 16)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            told = f"{self.path} is being written by another run: wait for it, or name another --record"
            raise ProofError(told) from error
        return file

    def _read(self) -> None:
        """A line that a kill cut short is dropped; it is the last one. Anything else that is wrong is an error."""
        whole = 0
        first = True
        for number, line in self._lines():
            if not line.endswith(b"\n"):
                self._file.truncate(whole)
                break
            try:
                read = _LINE.decode(line)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                raise ProofError(f"{self.path}: line {number} is no line of a run record: {error}") from error
            if first and (not isinstance(read, Opened) or read.version != VERSION):
                told = f"{self.path} is no run record of this version of Baton: name another --record"
                raise ProofError(told)
            first = False
            self._take(read)
            whole += len(line)
        self._file.seek(0, os.SEEK_END)
        if whole == 0:
            self._add(Opened())

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        self._file.seek(0)
        yield from enumerate(self._file, 1)
