"""The hooks around one request: what they see of it, and what they make of it."""

from msgspec.structs import replace

from baton.flow.arrival import Arrival
from baton.flow.hooks import HookAnswer, HookCall, hook_call
from baton.flow.house import House
from baton.flow.run import Run
from baton.protocol.request import read_request
from baton.types.request import Request


class Screen:
    def __init__(self, house: House, run: Run, arrival: Arrival) -> None:
        self._house = house
        self._run = run
        self._arrival = arrival
        self._call: HookCall | None = None
        self.holds = house.hooks.holds
        """Streams are held back until they are whole."""
        self.looks = house.hooks.before or house.hooks.after
        """False: neither `before` nor `after` changes anything."""

    async def before(self, request: Request) -> tuple[Arrival, Request]:
        """The request to go on with. Raises HookRefused, HookFailed."""
        hooks, run, arrival = self._house.hooks, self._run, self._arrival
        task_type = self._house.policy.task_type(request, arrival.caller)
        self._call = hook_call(run, request, arrival, task_type)
        body = await hooks.before_call(self._call)
        if body is not arrival.body:
            arrival = replace(arrival, body=body)
            run.arrived(arrival)
            request = run.request = read_request(arrival.dialect, body, arrival.headers, arrival.placed)
        return arrival, request

    async def after(self, model: str, body: bytes | None) -> bytes:
        """The answer to go on with; `body` None: a stream that was not held. Raises HookRefused, HookFailed."""
        if self._call is None or not self._house.hooks.after:
            return body or b""
        return await self._house.hooks.after_call(self._call, HookAnswer(model, body)) or b""
