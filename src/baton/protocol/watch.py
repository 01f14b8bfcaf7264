"""The watch over a stream that is relayed as bytes: what it used, if its events are whole, and if it really ended.

It changes nothing of what goes on, but for two things when told to: it takes out the usage chunk that the caller did
not ask for, and it holds back the end event, so that one more event can be put before it. What is broken never goes on:
an event that is cut or no JSON, an end that comes before there is a reason for it, the end of an answer without a word.
"""

import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw, Struct

from baton.types.events import StreamFault
from baton.types.money import Usage

HEAD_BYTES = 8_192
TAIL_BYTES = 4_096
"""Enough for the last content event, the usage and the end of vendors that tell them in events of their own."""
WHOLE_BYTES = 8 * 1024 * 1024
"""A stream up to this length is remembered whole."""
EVENT_BYTES = 16 * 1024 * 1024
"""A longer event is none."""
PRELUDE_EVENTS = 4
"""Events without a word that are held back until the first word, so that a stream that fails there was never begun."""

DONE = b"[DONE]"
NO_JSON = frozenset({b"", DONE})
"""Payloads that are good all the same."""
SHOWN_BYTES = 60

SYNTAX = msgspec.json.Decoder(Raw)
CUT = StreamFault("cut", "the stream ended without its end")
EMPTY = StreamFault("empty", "the answer ended without a word")


class Grammar(Struct, frozen=True):
    """What a watch must know of a dialect. A payload is the data of one event, `tail` the end of the whole stream."""

    finish: Callable[[bytes], str]
    """Payload -> why the answer ended, as the vendor says it; empty for every other event."""
    closes: Callable[[bytes], bool]
    """Payload -> it is the event that `hold_end` holds back."""
    fails: Callable[[bytes], bool]
    """Payload -> it is an in-band error, which the caller sees as it is."""
    says: re.Pattern[bytes]
    """Found in a payload that carries words, thoughts or calls."""
    plain_ends: frozenset[str]
    """Reasons for an end that a good answer without a word does not have."""
    usage: Callable[[bytes, bytes], Usage | None]
    """`head, tail` -> what was used, None when the stream did not say."""
    is_usage_event: Callable[[bytes], bool] = lambda _event: False
    """One event -> it carries usage and nothing else."""
    must_close: bool = False
    """After its reason the end needs the closing event as well."""
    line_events: bool = False
    """Events are single lines, and not ended by a blank one."""
    tail_bytes: int = TAIL_BYTES
    """How much of the end `usage` must see."""


class Watch:
    def __init__(self, grammar: Grammar, *, hide_usage: bool, hold_end: bool) -> None:
        self.broken: StreamFault | None = None
        """What is wrong already: nothing goes on any more, and nothing that comes can mend it."""
        self.error_event = False
        """An in-band error has passed."""
        self._grammar = grammar
        self._hide_usage = hide_usage
        self._hold_end = hold_end
        self._chunks: list[bytes] = []
        self._size = 0
        self._cut = False
        self._open = b""
        self._end = b""
        self._prelude: list[bytes] | None = []
        self._said = False
        self._finish = ""
        self._closed = False

    def feed(self, chunk: bytes) -> bytes:
        """What to relay for this chunk. An unfinished event is held back; nothing is reordered."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > WHOLE_BYTES:
            self._shorten()
        if self.broken is not None:
            return b""
        data = self._open + chunk if self._open else chunk
        if 0 < data.find(b"\n\n") == len(data) - 2 and not self._grammar.line_events:  # one event, as most are
            self._open = b""
            return self._passed((data,))
        whole = data.rfind(b"\n") + 1 if self._grammar.line_events else _end_of_last_event(data)
        if whole == len(data):
            self._open = b""
            return self._passed(self._split(data))
        self._open = data[whole:]
        if len(self._open) > EVENT_BYTES:
            self._break(StreamFault("malformed", f"an event of over {EVENT_BYTES} bytes is none"))
        elif self._open[:1] in {b"{", b"["} and _is_json(self._open) and self._grammar.fails(self._open):
            self.error_event = True  # some providers write errors without the form of an event
        return self._passed(self._split(data[:whole]))

    def finish(self) -> bytes:
        """What was held of a last event that is whole but for its blank line; to be followed by `end`."""
        rest, self._open = self._open, b""
        if self.broken is not None:
            return b""
        passed = b""
        if rest.strip():
            payload = rest if self._grammar.line_events else payload_of(rest)
            if _is_json(payload) or payload.strip() == DONE:
                passed = self._passed((rest + _missing_blank(rest, lines=self._grammar.line_events),))
            elif not self._finish and not self.error_event:
                self._break(CUT)
        return passed

    def end(self) -> bytes:
        """The end event that was held back, if there was one."""
        return self._end

    @property
    def complete(self) -> bool:
        return self.broken is None and bool(self._finish) and (self._closed or not self._grammar.must_close)

    def fault(self) -> StreamFault | None:
        """What is wrong with a stream that is over, but for an error that it carried itself (`error_event`)."""
        if self.broken is not None or self.complete:
            return self.broken
        return CUT if self._size else EMPTY

    def usage(self) -> Usage | None:
        return self._grammar.usage(self._head(), self._tail())

    def whole(self) -> bytes | None:
        """Everything that was fed; None when it was longer than `WHOLE_BYTES`."""
        return None if self._cut else b"".join(self._chunks)

    # --- events --------------------------------------------------------------------------------

    def _split(self, events: bytes) -> list[bytes]:
        return events.splitlines(keepends=True) if self._grammar.line_events else _split_events(events)

    def _passed(self, events: Sequence[bytes]) -> bytes:
        """What goes on of whole events."""
        grammar, kept = self._grammar, []
        for event in events:
            payload = event if grammar.line_events else payload_of(event)
            closing = grammar.closes(payload)
            self._look_at(payload, closing=closing)
            if self.broken is not None:
                break
            if self._hide_usage and grammar.is_usage_event(event):
                continue
            if self._hold_end and closing:
                self._end += event
            elif self._prelude is None:
                kept.append(event)
            elif self._is_prelude(payload):
                self._prelude.append(event)
            else:
                kept += [*self._prelude, event]
                self._prelude = None
        return kept[0] if len(kept) == 1 else b"".join(kept)

    def _look_at(self, payload: bytes, *, closing: bool) -> None:
        if not self._said:
            self._said = self._grammar.says.search(payload) is not None
        if _is_json(payload):
            self._note_finish(payload)
            self.error_event = self.error_event or self._grammar.fails(payload)
        elif not closing and payload.strip() not in NO_JSON:
            self._break(StreamFault("malformed", f"an event of the stream is not JSON: {payload[:SHOWN_BYTES]!r}"))
        if self.error_event:
            return
        if self._finish and not self._said and self._finish in self._grammar.plain_ends:
            self._break(EMPTY)
        if closing:
            self._closed = True
            if not self._finish:
                self._break(CUT)

    def _note_finish(self, payload: bytes) -> None:
        self._finish = self._grammar.finish(payload) or self._finish

    def _is_prelude(self, payload: bytes) -> bool:
        """Nothing was said yet, and nothing has ended."""
        if self._said or self._finish or self.error_event or not payload.strip():
            return False
        return self._prelude is not None and len(self._prelude) < PRELUDE_EVENTS

    def _break(self, fault: StreamFault) -> None:
        self.broken = self.broken or fault

    # --- memory --------------------------------------------------------------------------------

    def _head(self) -> bytes:
        found = b""
        for chunk in self._chunks:
            found += chunk
            if len(found) >= HEAD_BYTES:
                break
        return found[:HEAD_BYTES]

    def _tail(self) -> bytes:
        limit, size, first = self._grammar.tail_bytes, 0, len(self._chunks)
        while first and size < limit:
            first -= 1
            size += len(self._chunks[first])
        return b"".join(self._chunks[first:])[-limit:]

    def _shorten(self) -> None:
        """Forget the middle of a long stream."""
        self._chunks = [self._head(), self._tail()]
        self._size = sum(map(len, self._chunks))
        self._cut = True


def payload_of(event: bytes) -> bytes:
    """The data of one server-sent event; of JSON that stands there without the form of an event, all of it."""
    if event.startswith(b"data:") and event.find(b"\n") >= len(event) - 3:
        return event[5:]
    lines = [line[5:] for line in event.splitlines() if line.startswith(b"data:")]
    if not lines and event.lstrip()[:1] in {b"{", b"["}:
        return event
    return lines[0] if len(lines) == 1 else b"\n".join(lines)


def _is_json(payload: bytes) -> bool:
    try:
        SYNTAX.decode(payload)
        if not payload.isascii():
            payload.decode()
    except (ValueError, RecursionError):  # msgspec.DecodeError and UnicodeError are ValueErrors
        return False
    return payload.lstrip()[:1] in {b"{", b"["}


def _missing_blank(event: bytes, *, lines: bool) -> bytes:
    """What an event lacks to be told apart from what follows it."""
    if event.endswith(b"\n"):
        return b"" if lines else b"\n"
    return b"\n" if lines else b"\n\n"


def _end_of_last_event(data: bytes) -> int:
    """Bytes up to and with the last blank line; 0 when no event is whole yet."""
    if data.endswith(b"\n\n"):
        return len(data)
    plain, windows = data.rfind(b"\n\n"), data.rfind(b"\r\n\r\n")
    return max(plain + 2 if plain >= 0 else 0, windows + 4 if windows >= 0 else 0)


def _split_events(data: bytes) -> list[bytes]:
    """Events with their own line ends; what follows the last blank line is a piece of its own."""
    mark = b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n"
    pieces = data.split(mark)
    events = [piece + mark for piece in pieces[:-1]]
    return [*events, pieces[-1]] if pieces[-1] else events
