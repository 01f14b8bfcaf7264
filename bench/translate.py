"""CPU of translation: every pair of dialects, per request of 50 KB and per event of a stream.

    python bench/translate.py [--rounds 7] [--litellm-python PATH] [--json]

A request is a tool loop of a coding agent, written once and rendered to each dialect: a dozen tools, and results of
some 3 KB each. `dense` is the same with results of a quarter of that, and so three times as many parts in 50 KB: it is
shown, and has no bar. A round translates a request again and again; the least of the rounds counts, in CPU seconds of
this process, so that a busy machine does not. With --litellm-python, the Python of an environment that has LiteLLM, the
same conversations go through LiteLLM's own translation in the same run. Exits 1 when a bar does not hold.
"""

import argparse
import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from msgspec import Struct

from baton.protocol.dialects import PACKAGES, Reply, grammar_of
from baton.protocol.fold import unfold
from baton.protocol.request import read_members
from baton.protocol.splice import splice
from baton.types.card import Dialect
from baton.types.events import AnswerMessage, Event, Stop, TextDelta, ToolArgumentsDelta
from baton.types.handoff import Target
from baton.types.money import Usage
from baton.types.parts import Origin, TextPart, ToolCallPart

PEER = Path(__file__).with_name("translate_litellm.py")
SIZE = 50_000
"""Bytes of a request that a figure stands for."""
REQUEST_BAR_MS = 1.0
EVENT_BAR_US = 60.0
REPEATS = 20
DELTAS = 200
TOOLS = 12


class Shape(Struct, frozen=True):
    """Turns with two calls each, and lines in each result."""

    turns: int
    lines: int


AGENT = Shape(turns=5, lines=40)
DENSE = Shape(turns=14, lines=12)

ORIGIN = Origin("maker", "account", "", "family")
WORDS = "The test fails because the parser reads the header twice; I shall look at the reader first. "
LINE = '    def read(self, raw: bytes, path: str) -> "Turn":  # line {0} of the file\n'


# --- what is translated ------------------------------------------------------------------------


def messages_body(shape: Shape) -> dict[str, Any]:
    """A tool loop in Messages: a system prompt, a dozen tools, turns of words, calls and results."""
    schema = {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": f"What the tool takes as {name}, in one sentence or two."}
            for name in ("path", "pattern", "content", "command")
        },
        "required": ["path"],
    }
    tools = [{"name": f"tool_{n}", "description": WORDS * 4, "input_schema": schema} for n in range(TOOLS)]
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": WORDS * 5}]}]
    for turn in range(shape.turns):
        ids = [f"toolu_{turn}_{n}" for n in range(2)]
        uses = [
            {"type": "tool_use", "id": id_, "name": "tool_1", "input": {"path": f"src/{id_}.py", "n": 1.5, "all": True}}
            for id_ in ids
        ]
        messages.append({"role": "assistant", "content": [{"type": "text", "text": WORDS}, *uses]})
        listing = "".join(LINE.format(line) for line in range(shape.lines))
        results = [{"type": "tool_result", "tool_use_id": id_, "content": listing} for id_ in ids]
        messages.append({"role": "user", "content": results})
    return {
        "model": "auto", "max_tokens": 4096, "system": [{"type": "text", "text": WORDS * 20}],
        "tools": tools, "messages": messages, "stream": True,
    }  # fmt: skip


def request_of(dialect: Dialect, shape: Shape) -> bytes:
    body = json.dumps(messages_body(shape)).encode()
    if dialect == "anthropic":
        return body
    return grammar_of(dialect).write(grammar_of("anthropic").read(body, Origin()), target(dialect)).body


def target(dialect: Dialect) -> Target:
    return Target(dialect=dialect, model="target-model", max_output=128_000)


def answer() -> AnswerMessage:
    parts = (TextPart(WORDS), ToolCallPart("call_1", "tool_1", '{"path": "src/a.py", "content": "x"}'))
    usage = Usage(12_000, 400)
    return AnswerMessage("answer-1", "model", parts, stop=Stop("tool_calls", "tool_calls"), usage=usage)


def in_pieces(events: list[Event]) -> list[Event]:
    """The same answer as a model tells it: word by word."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, TextDelta):
            found.extend(TextDelta(event.part, f"word {n} ") for n in range(DELTAS))
        elif isinstance(event, ToolArgumentsDelta):
            size = 4
            pieces = [event.text[place : place + size] for place in range(0, len(event.text), size)]
            found.extend(ToolArgumentsDelta(event.part, piece) for piece in pieces)
        else:
            found.append(event)
    return found


def stream_of(dialect: Dialect) -> list[bytes]:
    """Its events, each as it comes from the network."""
    writer = grammar_of(dialect).stream_writer(Reply(model="model", id="answer-1", created=1))
    pieces = [writer.write([event]) for event in in_pieces(list(unfold(answer())))]
    mark = b"\n" if dialect == "ollama" else b"\n\n"
    whole = b"".join([*pieces, writer.finish()])
    return [event + mark for event in whole.split(mark) if event]


# --- how long it takes -------------------------------------------------------------------------


def least(work: Callable[[], object], repeats: int, rounds: int) -> float:
    """CPU seconds of one run of `work`, in the best of the rounds."""
    work()
    found = []
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        begun = process_time()
        for _ in range(repeats):
            work()
        found.append((process_time() - begun) / repeats)
    gc.enable()
    return min(found)


def request_ms(source: Dialect, into: Dialect, body: bytes, rounds: int) -> float:
    read, write, to = grammar_of(source).read, grammar_of(into).write, target(into)

    def translate() -> object:
        return write(read(body, ORIGIN), to)

    def relay() -> object:
        return splice(read_members(body), {"model": b'"target-model"'})

    taken = least(relay if source == into else translate, REPEATS, rounds)
    return taken * 1_000 * SIZE / len(body)


def event_us(source: Dialect, into: Dialect, events: list[bytes], rounds: int) -> float:
    reply = Reply(model="model", id="answer-1", created=1)

    def translate() -> object:
        reader = grammar_of(source).stream_reader(ORIGIN, "prefix")
        writer = grammar_of(into).stream_writer(reply)
        for event in events:
            writer.write(reader.feed(event))
        writer.write(reader.finish())
        return writer.finish()

    return least(translate, 3, rounds) * 1_000_000 / len(events)


def measure(rounds: int) -> list[dict[str, Any]]:
    bodies = {dialect: request_of(dialect, AGENT) for dialect in PACKAGES}
    dense = {dialect: request_of(dialect, DENSE) for dialect in PACKAGES}
    streams = {dialect: stream_of(dialect) for dialect in PACKAGES}
    found = []
    for source in PACKAGES:
        for into in PACKAGES:
            row: dict[str, Any] = {"from": source, "to": into, "bytes": len(bodies[source])}
            row["request_ms"] = round(request_ms(source, into, bodies[source], rounds), 3)
            if source != into:  # within its own dialect a stream is relayed as bytes
                row["dense_request_ms"] = round(request_ms(source, into, dense[source], rounds), 3)
                row["event_us"] = round(event_us(source, into, streams[source], rounds), 1)
            found.append(row)
    return found


# --- LiteLLM beside it -------------------------------------------------------------------------


def measure_litellm(python: str, rounds: int) -> dict[str, Any]:
    """What `translate_litellm.py` prints, run by another Python; or why there is nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({dialect: json.loads(request_of(dialect, AGENT)) for dialect in PACKAGES}, file)
        file.flush()
        command = [python, str(PEER), file.name, "--rounds", str(rounds), "--size", str(SIZE)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return {"not_run": str(error)}
    if done.returncode:
        return {"not_run": (done.stderr.strip().splitlines() or ["no reason given"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--litellm-python", help="the Python of an environment that has LiteLLM")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    pairs = measure(given.rounds)
    worst_ms = max(row["request_ms"] for row in pairs)
    worst_us = max(row["event_us"] for row in pairs if "event_us" in row)
    litellm = {"not_run": "no environment given: --litellm-python PATH"}
    if given.litellm_python:
        litellm = measure_litellm(given.litellm_python, given.rounds)
    bars = {
        "request_ms": {"worst": worst_ms, "bar": REQUEST_BAR_MS, "held": worst_ms <= REQUEST_BAR_MS},
        "event_us": {"worst": worst_us, "bar": EVENT_BAR_US, "held": worst_us <= EVENT_BAR_US},
    }
    found = {"size": SIZE, "pairs": pairs, "bars": bars, "litellm": litellm}
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        print_table(found)
    return 0 if all(bar["held"] for bar in bars.values()) else 1


def print_table(found: dict[str, Any]) -> None:
    beside = {(row["from"], row["to"]): row for row in found["litellm"].get("pairs", ())}
    print(f"{'from':<18}{'to':<18}{'ms/50 KB':>10}{'dense':>10}{'us/event':>10}{'LiteLLM ms':>12}")
    for row in found["pairs"]:
        peer = beside.get((row["from"], row["to"]), {})
        event, dense = row.get("event_us", "relayed"), row.get("dense_request_ms", "")
        said = peer.get("request_ms", peer.get("error", ""))
        print(f"{row['from']:<18}{row['to']:<18}{row['request_ms']:>10}{dense:>10}{event:>10}{said!s:>12}")
    for name, bar in found["bars"].items():
        print(f"{name}: worst {bar['worst']}, bar {bar['bar']}: {'held' if bar['held'] else 'NOT held'}")
    if "not_run" in found["litellm"]:
        print(f"LiteLLM: not run: {found['litellm']['not_run']}")


if __name__ == "__main__":
    sys.exit(main())
