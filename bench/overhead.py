"""CPU per request of the gateway beside nginx, in one run, with the shared load harness where it lies.

    python bench/overhead.py [--rounds 2] [--full] [--json]

Needs gcc and nginx. The harness is looked for in ../shared/bench (or $BATON_BENCH).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HARNESS = Path(os.environ.get("BATON_BENCH", ROOT.parent / "shared" / "bench")) / "overhead.py"
MODELS = ("gpt-4o", "gpt-4o-paced", "gpt-4o-slow")
CONFIG = {
    "version": 1,
    "providers": {"bench": {"base_url": "http://127.0.0.1:9100/v1", "api_key": "sk-upstream"}},
    "models": [
        {
            "id": f"bench/{name}", "tier": "mid", "context_window": 128000,
            "max_output": 16384, "price": {"input_usd": 2.5, "output_usd": 10},
        }
        for name in MODELS
    ],
    "aliases": {name: f"bench/{name}" for name in MODELS},
}  # fmt: skip
PHASES = ("json_c1", "json_c16", "json_sat", "stream_burst", "stream_paced")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--full", action="store_true", help="more requests per phase")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    if not HARNESS.exists() or shutil.which("gcc") is None or shutil.which("nginx") is None:
        sys.stderr.write(f"not run: needs gcc, nginx and the load harness at {HARNESS}\n")
        return 3
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        found = summary(measure(Path(folder), given.rounds, full=given.full))
    sys.stdout.write(json.dumps(found, indent=None if given.json else 2) + "\n")
    return 0


def measure(work: Path, rounds: int, *, full: bool) -> dict[str, Any]:
    (work / "baton.yaml").write_text(json.dumps(CONFIG))
    command = f"{sys.executable} -m baton up --quiet --port {{port}} --config {{work}}/baton.yaml"
    out = work / "result.json"
    argv = [sys.executable, str(HARNESS), "--suite", "nginx,baton", "--rounds", str(rounds), "--work", str(work)]
    argv += ["--out", str(out), *([] if full else ["--quick"])]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"BATON_CMD": command})
    gateways: dict[str, Any] = json.loads(out.read_text())["gateways"]
    return gateways


def summary(gateways: dict[str, Any]) -> dict[str, Any]:
    """CPU in microseconds: the least disturbed round. Ratios are to nginx in the same run."""
    cpu = {
        name: {phase: min(run["phases"][phase]["cpu_us_per_request"] for run in runs) for phase in PHASES}
        for name, runs in gateways.items()
    }
    runs = gateways["baton"]
    return {
        "cpu_us": cpu,
        "times_nginx": {phase: round(cpu["baton"][phase] / cpu["nginx"][phase], 1) for phase in PHASES},
        "rss_mib": max(run["rss_mib"] for run in runs),
        "start_s": min(run["start_s"] for run in runs),
        "cancelled_of_8": min(run["disconnect"]["cancelled"] for run in runs),
        "reads_per_paced_answer": min(run["phases"]["stream_paced"]["reads_per_answer"] for run in runs),
        "bad": sum(phase["bad"] for run in runs for phase in run["phases"].values()),
    }


if __name__ == "__main__":
    sys.exit(main())
