"""A stream of one dialect -> events: its pieces are read one by one, and whatever comes, there is exactly one end."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

from baton.types.errors import MalformedBody
from baton.types.events import Event, Stop, StreamFault


class Pieces(Protocol):
    """Bytes, however they are cut, -> the pieces that a grammar reads."""

    @property
    def overflow(self) -> bool:
        """A piece grew past the limit; nothing is read any more."""
        ...

    def feed(self, data: bytes) -> Sequence[bytes]: ...

    def finish(self) -> Sequence[bytes]: ...


class EventReader(ABC):
    unit = "an event"
    """What a piece is called in the dialect, for errors."""
    cut_short = "the stream ended without its end"

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self.over = False
        """A Stop or a fault was told."""

    @abstractmethod
    def read(self, piece: bytes) -> Iterator[Event]:
        """The events of one piece. What it raises of ValueError, RecursionError and MalformedBody is a fault told."""

    def cut(self) -> StreamFault:
        """What to tell of a stream that has ended without its end."""
        return StreamFault("cut", self.cut_short, 502)

    def feed(self, data: bytes) -> list[Event]:
        events = [event for piece in self._pieces.feed(data) for event in self._told(piece)]
        if self._pieces.overflow and not self.over:
            self.over = True
            events.append(StreamFault("malformed", f"{self.unit} of the stream is too long to be one", 502))
        return events

    def finish(self) -> list[Event]:
        events = [event for piece in self._pieces.finish() for event in self._told(piece)]
        if not self.over:
            self.over = True
            events.append(self.cut())
        return events

    def _told(self, piece: bytes) -> Iterator[Event]:
        try:
            for event in self.read(piece):
                self.over = self.over or isinstance(event, Stop | StreamFault)
                yield event
        except (ValueError, RecursionError, MalformedBody) as error:
            # msgspec.DecodeError and UnicodeError are ValueErrors
            self.over = True
            yield StreamFault("malformed", f"{self.unit} of the stream cannot be read: {error}", 502)
