"""The results as JSON for programs and as a page for people."""

from collections.abc import Sequence

import msgspec

from tests.clients.explained import explained
from tests.clients.result import Result
from tests.clients.scanners import Scan

HEAD = """# Real clients through Baton

Every row is a real client in front of a real gateway (`baton up`), whose only upstream speaks one dialect. The upstream
is the simulated engine in strict mode, which refuses what the vendor of that dialect refuses; no real model is asked.
The network outside loopback was {network}. Each client runs an errand: two tool calls in one turn, whose results are
known to files of the run alone. It passes when both results are in its last answer and the upstream refused nothing.
The agents are pointed at the gateway by `baton wire` and back by `baton unwire`.

"transformers" is a third party's server (`transformers serve`) over a tiny model of random numbers: it is asked for
words, and any words are an answer.

Made by `make test-clients` on {date} with Baton {version}. Handoff is the `x-baton-handoff` header of the last answer
(kept, moved, degraded, withheld, rejected elements); "own bytes" means that the client's own request went on as it was.
"""


def as_json(results: Sequence[Result], scans: Sequence[Scan]) -> str:
    passed = sum(result.outcome == "passed" for result in results)
    whole = {"passed": passed, "total": len(results), "clients": list(results), "conformance": list(scans)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def as_page(results: Sequence[Result], scans: Sequence[Scan], *, network: str, date: str, version: str) -> str:
    passed = sum(result.outcome == "passed" for result in results)
    lines = [HEAD.format(network=network, date=date, version=version), f"**{passed} of {len(results)} passed.**", ""]
    lines += _table(
        ("client", "version", "speaks", "upstream", "what", "outcome", "requests", "handoff"),
        [
            (one.client, one.version, one.speaks, one.upstream, one.mode, one.outcome, str(one.requests), one.handoff)
            for one in results
        ],
    )
    failed = [one for one in results if one.outcome == "failed"]
    if failed:
        lines += ["## What failed", ""]
        lines += [f"- {one.client}, {one.mode}, onto {one.upstream}: {_cell(one.detail)}" for one in failed]
        lines.append("")
    if scans:
        lines += ["## Third-party conformance", ""]
        rows = [
            (one.suite, one.version, one.profile, one.upstream, f"{one.passed} of {one.total}", _score(one))
            for one in scans
        ]
        lines += _table(("suite", "version", "profile", "upstream", "passed", "score"), rows)
        lines += _failures(scans)
    return "\n".join(lines).rstrip() + "\n"


def _failures(scans: Sequence[Scan]) -> list[str]:
    """Each once, with the upstreams where it happens and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for scan in scans:
        for text in scan.failures:
            found.setdefault((f"{scan.suite} {scan.profile}", text), []).append(scan.upstream)
    lines = []
    for (suite, text), upstreams in found.items():
        why = explained(upstreams[0], text)
        ending = f". Explained: {why}" if why else ""
        lines.append(f"- {suite}, onto {', '.join(upstreams)}: {_cell(text)}{ending}.")
    return lines


def _score(scan: Scan) -> str:
    return "" if scan.score is None else f"{scan.score} of 100"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
