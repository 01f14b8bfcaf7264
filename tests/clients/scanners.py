"""Third-party conformance suites against the gateway: llm-comply (Python) and compatcanary (npm)."""

import json
import os
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.clients.agents import ran
from tests.clients.notes import fresh
from tests.clients.packages import binary, version
from tests.clients.stage import Stage

COMPLY_FORMATS = {"open-responses": 13, "openai-chat": 9, "anthropic": 9, "google-genai": 9}
"""Format, and how many checks it has: a run with fewer has checked less than it says."""
CANARY_PROFILES = ("chat", "modern")
SCAN_TIMEOUT_S = 120


class Scan(Struct, frozen=True):
    suite: str
    version: str
    profile: str
    upstream: str
    passed: int
    total: int
    score: int | None = None
    failures: tuple[str, ...] = ()


async def comply(format_: str, stage: Stage, folder: Path) -> Scan:
    fresh(folder)
    url = stage.recorder.url + ("" if format_ == "google-genai" else "/v1")
    program = str(Path(sys.executable).with_name("llm-comply"))
    command = [program, "run", "-u", url, "-m", "auto", "-k", "unused", "--format", format_, "--json"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    ended = await ran(command, env, folder, SCAN_TIMEOUT_S)
    try:
        said = json.loads(ended.out)
        results, summary = said["results"], said["summary"]
    except (ValueError, KeyError):
        told = f"no report: exit {ended.code}: {(ended.errors or ended.out).strip()[:300]}"
        return Scan("llm-comply", installed("llm-comply"), format_, stage.dialect, 0, 0, failures=(told,))
    failures = [f"{one['id']}: {one.get('error') or one.get('errors')}" for one in results if one["status"] == "failed"]
    failures += [f"{one['id']}: skipped by the suite" for one in results if one["status"] == "skipped"]
    if summary["total"] != COMPLY_FORMATS[format_]:
        failures.append(f"ran {summary['total']} checks, not {COMPLY_FORMATS[format_]}")
    return Scan(
        "llm-comply",
        installed("llm-comply"),
        format_,
        stage.dialect,
        summary["passed"],
        summary["total"],
        failures=tuple(failures),
    )


async def canary(profile: str, where: Path, stage: Stage, folder: Path) -> Scan:
    report = fresh(folder) / "report.json"
    command = [
        binary(where, "compatcanary"), "scan", "--base-url", stage.recorder.url + "/v1", "--model", "auto",
        "--profile", profile, "--format", "json", "--output", str(report),
    ]  # fmt: skip
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_API_KEY": "unused"}
    ended = await ran(command, env, folder, SCAN_TIMEOUT_S)
    named = version(where, "compatcanary")
    try:
        said = read_json(report)
        summary = said["summary"]
    except (OSError, ValueError, KeyError):
        told = f"no report: exit {ended.code}: {(ended.errors or ended.out).strip()[:300]}"
        return Scan("compatcanary", named, profile, stage.dialect, 0, 0, failures=(told,))
    failures = tuple(
        f"{one.get('id')}: {one.get('message') or one.get('detail') or one.get('summary')}"
        for one in said["results"]
        if one.get("status") in {"fail", "failed", "warn", "warning"}
    )
    return Scan(
        "compatcanary",
        named,
        profile,
        stage.dialect,
        summary["passes"],
        summary["total"],
        said.get("score"),
        failures,
    )


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())
