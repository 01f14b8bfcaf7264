"""The set-ups of Baton that `bench/overhead.py` measures, as the load harness asks for them (`EXTRA_PEERS`).

Each has everything on: a key with limits and budgets, breakers, ledger, metrics. The harness asks `gpt-4o` by the key
`sk-bench`.

- `baton`: `gpt-4o` is a model of its own
- `baton-auto`: `gpt-4o` stands for `auto`: the router chooses among three models
- `baton-replicas`: as `baton`, with the ledger shipped to PostgreSQL and limits in Redis
"""

import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

MODELS = {"gpt-4o": ("mid", 2.5), "gpt-4o-paced": ("mid", 2.5), "gpt-4o-slow": ("mid", 2.5)}
CHOICE = {"gpt-4o-nano": ("small", 0.1), "gpt-4o-mid": ("mid", 1.0), "gpt-4o-top": ("frontier", 5.0)}
PLENTY = {"rpm": 100_000_000, "tpm": 1_000_000_000, "parallel": 100_000, "day_usd": 1e6, "month_usd": 1e6}


def peers(mock: int, work: Path, port: int) -> dict[str, dict[str, Any]]:
    concrete = config(mock, MODELS, {name: f"bench/{name}" for name in MODELS})
    choice = config(mock, MODELS | CHOICE, {name: f"bench/{name}" for name in MODELS} | {"gpt-4o": "auto"})
    found = {"baton": peer("baton", concrete, work, port), "baton-auto": peer("baton-auto", choice, work, port + 1)}
    if redis := os.environ.get("BENCH_REDIS_URL"):
        shared = concrete | {"state": {"redis_url": redis}}
        shared["ledger"] = {"database_url": os.environ["BENCH_DATABASE_URL"], "replica": "bench"}
        found["baton-replicas"] = peer("baton-replicas", shared, work, port + 2)
    return found


def config(mock: int, models: dict[str, tuple[str, float]], aliases: dict[str, str]) -> dict[str, Any]:
    return {
        "version": 1,
        "providers": {"bench": {"base_url": f"http://127.0.0.1:{mock}/v1", "api_key": "sk-upstream"}},
        "models": [
            {
                "id": f"bench/{name}", "tier": tier, "context_window": 128000, "max_output": 16384,
                "price": {"input_usd": price, "output_usd": 4 * price},
            }
            for name, (tier, price) in models.items()
        ],
        "aliases": aliases,
        "server": {
            "keys": [
                {"name": "bench", "key": f"sha256:{sha256(b'sk-bench').hexdigest()}", "team": "bench", **PLENTY}
            ]
        },
        "spend": {"house": PLENTY, "teams": {"bench": PLENTY}},
    }  # fmt: skip


def peer(name: str, content: dict[str, Any], work: Path, port: int) -> dict[str, Any]:
    folder = work / name
    folder.mkdir(exist_ok=True)
    (folder / "baton.yaml").write_text(json.dumps(content))
    command = [sys.executable, "-m", "baton", "up", "--quiet", "--port", str(port), "--config", "baton.yaml"]
    return {"port": port, "cmd": command, "cwd": folder}
