"""What becomes of an answer that calls a tool which was not offered, or with arguments that do not fit.

`flag`: the fault is for the record, the answer goes on. `refuse`: the fault takes its place; of a stream the calls are
held back until all of them are there, so that none is told which may not be.
"""

from baton.flow.passage import AnswerStream, Passage, Relay
from baton.flow.run import Run
from baton.protocol.tool_calls import CALL_MARKS, LINE_EVENTS, fault_of, from_first_call, may_call, offered
from baton.types.decision import PolicySnapshot
from baton.types.errors import MalformedBody, ToolArgumentsInvalid, UpstreamFault, UpstreamNotJson
from baton.types.events import AnswerMessage
from baton.types.request import Request
from baton.types.task import ToolPolicy


class ToolRules:
    """Made anew with every snapshot."""

    def __init__(self, snapshot: PolicySnapshot) -> None:
        self._policies: dict[str, ToolPolicy] = {route.name: route.tool_policy for route in snapshot.routes}

    def whole(self, run: Run, request: Request, passage: Passage, made: AnswerMessage | bytes) -> UpstreamFault | None:
        """A fault for the record. Raises it where the route refuses."""
        policy = self._policy(run)
        fault = None if policy == "off" else tool_fault(request, passage, made, stream=False)
        if fault is not None and policy == "refuse":
            raise fault
        return fault

    def stream(self, run: Run, request: Request, passage: Passage, stream: AnswerStream) -> "AnswerStream | HeldStream":
        """The stream as it goes to the caller: the same one, but for routes that refuse."""
        return stream if self._policy(run) != "refuse" else HeldStream(stream, request, passage)

    def ended(
        self, run: Run, request: Request, passage: Passage, made: AnswerMessage | bytes | None
    ) -> UpstreamFault | None:
        """A fault for the record, of a stream that went to the caller well."""
        if made is None or self._policy(run) != "flag":
            return None
        return tool_fault(request, passage, made, stream=True)

    def refuses(self, route: str) -> bool:
        return self._policies.get(route) == "refuse"

    def _policy(self, run: Run) -> ToolPolicy:
        return "flag" if run.decision is None else self._policies.get(run.decision.route, "flag")


def tool_fault(
    request: Request, passage: Passage, made: AnswerMessage | bytes, *, stream: bool
) -> UpstreamFault | None:
    """Reads nothing where no tool is called. What cannot be read is judged elsewhere."""
    names = {}
    if isinstance(passage, Relay):
        if not isinstance(made, bytes) or not may_call(passage.dialect, made):
            return None
        try:
            answer = passage.read(from_first_call(passage.dialect, made) if stream else made, stream=stream)
        except UpstreamNotJson:
            return None
    elif isinstance(made, AnswerMessage):
        answer, names = made, dict(passage.reply.tool_names)
    else:
        return None
    try:
        fault = fault_of(answer, offered(request.dialect, request.members), names)
    except MalformedBody:
        return None
    if fault is not None:
        fault.model, fault.provider, fault.upstream_status = passage.card.id, passage.card.provider, 200
    return fault


class HeldStream:
    """Passes words on as they come; from the first event of a call on, everything waits for `finish`.

    Its life is that of the stream inside it (`flow/passage.py`).
    """

    def __init__(self, stream: AnswerStream, request: Request, passage: Passage) -> None:
        self._stream = stream
        self._request = request
        self._passage = passage
        self._marks = CALL_MARKS[request.dialect]
        self._ends = (b"\n",) if request.dialect in LINE_EVENTS else (b"\n\n", b"\r\n\r\n")
        self._open = b""
        self._held: list[bytes] | None = None
        self._fault: UpstreamFault | None = None
        self._dropped = False
        self.usage = stream.usage
        self.made = stream.made

    def feed(self, chunk: bytes) -> bytes:
        return self._passed(self._stream.feed(chunk))

    def finish(self) -> bytes:
        ready = self._passed(self._stream.finish())
        if self._held is None:
            rest, self._open = self._open, b""
            return ready + rest
        self._fault = self._judged()
        if self.fault() is not None:
            self._dropped = True
            return ready
        held, self._held = b"".join(self._held), []
        return ready + held

    def fault(self) -> UpstreamFault | None:
        return self._stream.fault() or self._fault

    @property
    def told(self) -> bool:
        return self._stream.told and self._held is None

    @property
    def broken(self) -> bool:
        return self._stream.broken

    def end(self) -> bytes:
        return b"" if self._dropped else self._stream.end()

    def _judged(self) -> UpstreamFault | None:
        made = self._stream.made()
        if made is None:
            card = self._passage.card
            text = f"the answer of model {card.id!r} calls tools and is too long to be checked"
            return ToolArgumentsInvalid(text, model=card.id, provider=card.provider, upstream_status=200)
        return tool_fault(self._request, self._passage, made, stream=True)

    def _passed(self, data: bytes) -> bytes:
        if self._held is not None:
            self._held.append(data)
            return b""
        data = self._open + data
        whole = max(found + len(end) if (found := data.rfind(end)) >= 0 else 0 for end in self._ends)
        events, self._open = data[:whole], data[whole:]
        first = min((at for mark in self._marks if (at := events.find(mark)) >= 0), default=-1)
        if first < 0:
            return events
        begin = max(found + len(end) if (found := events.rfind(end, 0, first)) >= 0 else 0 for end in self._ends)
        self._held = [events[begin:], self._open]
        self._open = b""
        return events[:begin]
