"""The table of faults through a gateway process: a faulty provider beside a healthy one, on loopback sockets.

    python bench/faults.py [--litellm BIN] [--only TEXT] [--clients 8] [--json]

The right answer is known: sixty words. Each row asks once for a model of its own, of which the faulty provider serves
the row's fault; every event of a good stream is a row as well, after which the stream is cut. With --litellm, the
command of a LiteLLM proxy (in an environment of its own), the same rows go through that, with the healthy provider as
its fallback. What became of a row:

    whole              every word once, and a proper end
    typed error        an error in the caller's dialect, and before it nothing but whole words of the answer
    untyped error      the connection broke off, or something came that is no JSON: a client fails, and cannot say why
    false end          a finish reason as if all was well, and the text is not the answer
    silent cut         an answer that ends well for HTTP, without an error and without a finish reason

The last two are silent corruption. Exits 1 when Baton corrupted anything in silence, or did not ask the healthy
provider while the caller had got nothing.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import yaml
from gateway_process import free_port, listens, up
from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.call.wire import FRAMINGS, ODD, STREAMS, TEXT, Framing, framed  # noqa: E402
from tests.flow.fault_table import (  # noqa: E402
    ANSWERS,
    BEFORE_THE_HEAD,
    CAME_S,
    CHAT_USAGE,
    DIALECTS,
    USAGES,
    bad_begin,
    bad_middle,
    bad_whole,
)

from baton.testing.upstream import Received, ScriptedUpstream, Step, http_answer, scripted  # noqa: E402
from baton.types.card import Dialect  # noqa: E402

PATIENCE_S = 2.0
"""Until the first byte and between two, for both gateways."""
LIMIT_S = 60.0
LITELLM_START_S = 180.0
LITELLM_KEY = f"sk-{secrets.token_hex(32)}"
"""Its proxy does not start without one."""
NOWHERE = http_answer(404, b'{"error": {}}')
"""For a gateway that looks around."""
PATHS: dict[Dialect, str] = {"openai-chat": "/v1/chat/completions", "anthropic": "/v1/messages"}
TOTALS = {"whole": "recovered", "typed error": "typed_error", "untyped error": "untyped_error",
          "false end": "false_end", "silent cut": "silent_cut"}  # fmt: skip


class Row(Struct, frozen=True):
    name: str
    """Of its model."""
    where: str
    fault: str
    framing: str
    dialect: Dialect
    script: Sequence[Step]
    stream: bool = True


class Outcome(Struct):
    what: str
    words: int
    status: int
    seconds: float
    primary: int = 0
    backup: int = 0
    fault: str = ""
    """As the gateway names it."""

    @property
    def fallback_missed(self) -> bool:
        return self.what != "whole" and self.words == 0 and self.backup == 0


# --- the rows ----------------------------------------------------------------------------------


def rows() -> list[Row]:
    found = [*_before(), *_whole(), *_streams(), *_odd(), *_cuts()]
    return [msgspec.structs.replace(row, name=f"row{number}") for number, row in enumerate(found)]


def _before() -> Iterator[Row]:
    for dialect in DIALECTS:
        for fault, script in BEFORE_THE_HEAD.items():
            for stream in (False, True):
                yield Row(
                    "", "stream, before its head" if stream else "whole answer", fault, "-", dialect, script, stream
                )


def _whole() -> Iterator[Row]:
    for dialect in DIALECTS:
        for fault, body in bad_whole(dialect).items():
            yield Row("", "whole answer", fault, "length", dialect, http_answer(200, body), stream=False)
    for fault, usage in USAGES.items():
        body = ANSWERS["openai-chat"].replace(msgspec.json.encode(CHAT_USAGE), usage)
        yield Row("", "whole answer", fault, "length", "openai-chat", http_answer(200, body), stream=False)


def _streams() -> Iterator[Row]:
    for dialect in DIALECTS:
        for framing in FRAMINGS:
            for where, bodies in (
                ("stream, before its first word", bad_begin(dialect)),
                ("stream, after 40 words", bad_middle(dialect)),
            ):
                for fault, body in bodies.items():
                    yield Row("", where, fault, framing, dialect, framed(body, framing))


def _odd() -> Iterator[Row]:
    for fault, body in ODD.items():
        if "letters" not in fault:  # another text
            yield Row("", "odd but good stream", fault, "chunked", "openai-chat", framed([body], "chunked"))


def _cuts() -> Iterator[Row]:
    """`end`: the body ends as it should. One that the closing of the connection ends always does."""
    ways: list[tuple[Framing, bool]] = [("length", False), ("chunked", False), ("chunked", True), ("close", True)]
    for dialect in DIALECTS:
        for framing, end in ways:
            where = f"cut, {'the body ends well' if end else 'the body lacks its end'}"
            for place in range(len(STREAMS[dialect]) + 1):
                body: list[Step] = [*STREAMS[dialect][:place], CAME_S]
                yield Row("", where, f"after {place} events", framing, dialect, framed(body, framing, end=end))


# --- what a caller sees ------------------------------------------------------------------------


async def ask(session: aiohttp.ClientSession, url: str, row: Row) -> Outcome:
    body = {"model": row.name, "max_tokens": 99, "stream": row.stream, "messages": [{"role": "user", "content": "say"}]}
    begun, got, status, broken = time.monotonic(), b"", 0, False
    try:
        async with session.post(url + PATHS[row.dialect], json=body) as answer:
            status = answer.status
            async for piece in answer.content.iter_any():
                got += piece
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        broken = True
    what, text = judged(row, status, got, broken=broken)
    return Outcome(what, len(text.split()), status, round(time.monotonic() - begun, 2))


def judged(row: Row, status: int, body: bytes, *, broken: bool) -> tuple[str, str]:
    events = list(_events(body)) if row.stream and status == 200 else [_decoded(body)]
    readable = [event for event in events if event is not None]
    text = "".join(_text(event) for event in readable) if status == 200 else ""
    if any("error" in event for event in readable) and TEXT.startswith(text):
        return "typed error", text
    if len(readable) < len(events) or (broken and TEXT.startswith(text)):
        return "untyped error", text
    if not any(_is_end(event) for event in readable):
        return "silent cut", text
    return ("whole" if text == TEXT else "false end"), text


def _events(stream: bytes) -> Iterator[dict[str, Any] | None]:
    """None for what is no JSON. Clients do not look at an event that the end cuts short."""
    *whole, rest = stream.replace(b"\r\n", b"\n").split(b"\n\n")
    for event in whole:
        for line in event.splitlines():
            if line.startswith(b"data:") and line[5:].strip() != b"[DONE]":
                yield _decoded(line[5:])
            elif not line.startswith((b"data:", b"event:", b":", b"id:", b"retry:")):
                yield None
    if rest.strip() and not rest.startswith((b"data:", b"event:", b":")):
        yield None


def _decoded(text: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _text(event: dict[str, Any]) -> str:
    """Of an event, or of a whole answer."""
    parts = [(choice.get("delta") or choice.get("message") or {}).get("content") for choice in event.get("choices", ())]
    parts += [(event.get("delta") or {}).get("text"), *(block.get("text") for block in event.get("content") or ())]
    return "".join(part for part in parts if part)


def _is_end(event: dict[str, Any]) -> bool:
    if any(choice.get("finish_reason") for choice in event.get("choices", ())):
        return True
    return bool((event.get("delta") or {}).get("stop_reason") or event.get("stop_reason"))


# --- the providers and the gateways ------------------------------------------------------------


class Providers(Struct):
    faulty: ScriptedUpstream
    healthy: ScriptedUpstream

    def calls(self) -> tuple[Counter[str], Counter[str]]:
        both = (self.faulty, self.healthy)
        first, other = (Counter(_model(request) for request in one.requests) for one in both)
        return first, other


def _model(request: Received) -> str:
    return str((_decoded(request.body) or {}).get("model"))


@asynccontextmanager
async def providers(table: Sequence[Row]) -> AsyncIterator[Providers]:
    scripts = {row.name: row.script for row in table}

    def faulty(request: Received) -> Sequence[Step]:
        return scripts.get(_model(request), NOWHERE)

    def healthy(request: Received) -> Sequence[Step]:
        dialect: Dialect = "anthropic" if request.path.endswith("/messages") else "openai-chat"
        if (_decoded(request.body) or {}).get("stream"):
            return framed(STREAMS[dialect], "chunked")
        return http_answer(200, ANSWERS[dialect])

    async with scripted(choose=faulty) as one, scripted(choose=healthy) as other:
        yield Providers(one, other)


def baton_config(table: Sequence[Row], served: Providers) -> dict[str, Any]:
    """Weights, so that the faulty provider is asked first."""
    both = {"faulty": served.faulty, "healthy": served.healthy}
    return {
        "server": {"first_byte_s": PATIENCE_S, "between_bytes_s": PATIENCE_S},
        "reliability": {"retry_share": 1.0, "retry_burst": 1_000},
        "providers": {
            name: {"base_url": one.base_url, "auth": "none", "dialects": [*DIALECTS]} for name, one in both.items()
        },
        "models": [
            {
                "id": f"sim/{row.name}", "tier": "small", "context_window": 1_000,
                "price": {"input_usd": 1, "output_usd": 2},
                "deployments": [
                    {"provider": "faulty", "upstream": row.name, "weight": 1_000},
                    {"provider": "healthy", "upstream": row.name, "weight": 0.001},
                ],
            }
            for row in table
        ],
        "aliases": {row.name: f"sim/{row.name}" for row in table},
    }  # fmt: skip


def litellm_config(table: Sequence[Row], served: Providers) -> dict[str, Any]:
    """As its documents say: a fallback for each model, two retries; and nothing is left alone for a while."""

    def entry(name: str, row: Row, one: ScriptedUpstream) -> dict[str, Any]:
        kind, base = ("openai", one.base_url) if row.dialect == "openai-chat" else ("anthropic", one.base_url[:-3])
        params = {"model": f"{kind}/{row.name}", "api_base": base, "api_key": "sk-none", "timeout": PATIENCE_S,
                  "stream_timeout": PATIENCE_S}  # fmt: skip
        return {"model_name": name, "litellm_params": params}

    return {
        "model_list": [
            *(entry(row.name, row, served.faulty) for row in table),
            *(entry(f"{row.name}-backup", row, served.healthy) for row in table),
        ],
        "router_settings": {
            "num_retries": 2,
            "timeout": PATIENCE_S,
            "stream_timeout": PATIENCE_S,
            "disable_cooldowns": True,
            "fallbacks": [{row.name: [f"{row.name}-backup"]} for row in table],
        },
        "litellm_settings": {"telemetry": False},
        "general_settings": {"master_key": LITELLM_KEY},
    }


@contextmanager
def litellm_up(folder: Path, command: str, config: dict[str, Any]) -> Iterator[str]:
    (folder / "litellm.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    args = [command, "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    path = os.pathsep.join((str(Path(command).resolve().parent), os.environ.get("PATH", "")))
    env = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": path}
    log = folder / "litellm.log"
    with log.open("w") as out, subprocess.Popen(args, stdout=out, stderr=out, cwd=folder, env=env) as process:
        try:
            deadline = time.monotonic() + LITELLM_START_S
            while not listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"LiteLLM did not start: {log.read_text()[-2_000:]}")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def litellm_version(command: str) -> str:
    python = Path(command).with_name("python")
    script = "import importlib.metadata; print(importlib.metadata.version('litellm'))"
    return subprocess.run([str(python), "-c", script], capture_output=True, text=True, check=True).stdout.strip()


# --- the measurement ---------------------------------------------------------------------------


async def driven(url: str, table: Sequence[Row], served: Providers, clients: int, key: str = "") -> dict[str, Outcome]:
    gate, found = asyncio.Semaphore(clients), dict[str, Outcome]()
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(LIMIT_S),
        connector=aiohttp.TCPConnector(force_close=True),
        headers={"authorization": f"Bearer {key}"} if key else {},
    ) as session:

        async def drive(row: Row) -> None:
            async with gate:
                found[row.name] = await ask(session, url, row)

        await asyncio.gather(*map(drive, table))
        faults = await _faults(session, url)
    primary, backup = served.calls()
    for name, outcome in found.items():
        outcome.primary, outcome.backup = primary[name], backup[name]
        outcome.fault = faults.get(f"sim/{name}", "")
    return found


async def _faults(session: aiohttp.ClientSession, url: str) -> dict[str, str]:
    """Model -> the fault that the gateway's metrics name."""
    async with session.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    labels = [dict(re.findall(r'(\w+)="([^"]*)"', line)) for line in lines if line.startswith("baton_upstream_faults")]
    return {one["model"]: one["fault"] for one in labels if "fault" in one}


async def measure_baton(folder: Path, table: Sequence[Row], clients: int) -> dict[str, Outcome]:
    async with providers(table) as served:
        with up(folder, baton_config(table, served)) as gateway:
            return await driven(gateway.url, table, served, clients)


async def measure_litellm(folder: Path, table: Sequence[Row], clients: int, command: str) -> dict[str, Outcome]:
    async with providers(table) as served:
        config = litellm_config(table, served)
        with litellm_up(folder, command, config) as url:
            return await driven(url, table, served, clients, LITELLM_KEY)


def totals(found: dict[str, Outcome]) -> dict[str, int]:
    counted = Counter(TOTALS[one.what] for one in found.values())
    return {
        "rows": len(found),
        "silent_corruption": counted["false_end"] + counted["silent_cut"],
        **{name: counted[name] for name in TOTALS.values()},
        "fallback_used": sum(one.backup > 0 for one in found.values()),
        "fallback_missed": sum(one.fallback_missed for one in found.values()),
        "not_exercised": sum(one.primary == 0 for one in found.values()),
        "calls": sum(one.primary + one.backup for one in found.values()),
    }


def table_of(table: Sequence[Row], measured: dict[str, dict[str, Outcome]]) -> list[dict[str, Any]]:
    """Rows that differ in their place only stand together, with how many came out how."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in table:
        cut = row.where.startswith("cut")
        fault = "after each event" if cut else row.fault
        entry = found.setdefault(
            (row.where, fault, row.framing, row.dialect),
            {"where": row.where, "fault": fault, "framing": row.framing, "dialect": row.dialect},
        )
        for name, outcomes in measured.items():
            one = outcomes[row.name]
            if cut:
                how = one.what + (", by the healthy one" if one.what == "whole" and one.backup else "")
                entry.setdefault(name, Counter())[how] += 1
            else:
                entry[name] = _said(one)
    return list(found.values())


def _said(one: Outcome) -> dict[str, Any]:
    said = {"outcome": one.what, "words": one.words, "calls": [one.primary, one.backup], "seconds": one.seconds}
    return said | ({"named": one.fault} if one.fault else {}) | ({"status": one.status} if one.status != 200 else {})


def print_table(found: dict[str, Any]) -> None:
    for entry in found["rows"]:
        print(f"{entry['where']:<30} {entry['fault']:<26} {entry['framing']:<8} {entry['dialect']:<12}", end="")
        for name in found["totals"]:
            one = entry[name]
            if "outcome" in one:
                print(f" | {one['outcome']:<17} {one['words']:>2} w {one['calls']!s:<7} {one['seconds']:>5} s", end="")
            else:
                print(" |", ", ".join(f"{count} {what}" for what, count in one.items()), end="")
        print()
    for name, counted in found["totals"].items():
        print(f"{name}: {counted}")


async def measure(table: Sequence[Row], clients: int, litellm: str | None) -> dict[str, Any]:
    measured, versions = {}, {}
    with tempfile.TemporaryDirectory(prefix="faults") as folder:
        measured["baton"] = await measure_baton(Path(folder), table, clients)
        if litellm:
            versions["litellm"] = litellm_version(litellm)
            measured["litellm"] = await measure_litellm(Path(folder), table, clients, litellm)
    counted = {name: totals(outcomes) for name, outcomes in measured.items()}
    return {"totals": counted, "versions": versions, "rows": table_of(table, measured)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", metavar="BIN", help="the command `litellm` of an environment that has its proxy")
    parser.add_argument("--only", default="", help="rows whose place, fault, framing or dialect has this text")
    parser.add_argument("--clients", type=int, default=8, help="rows at once")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    table = [row for row in rows() if given.only in f"{row.where} {row.fault} {row.framing} {row.dialect}"]
    if not table:
        parser.error(f"--only {given.only!r}: no row has this text")
    found = asyncio.run(measure(table, given.clients, given.litellm))
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        print_table(found)
    ours = found["totals"]["baton"]
    return 0 if ours["silent_corruption"] == ours["fallback_missed"] == ours["not_exercised"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
