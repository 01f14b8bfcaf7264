"""`baton keys` and `baton spend`, as they are called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from baton.record.keys import KeyStore
from baton.record.ledger import Ledger
from baton.types.money import Usage, nano_from_usd
from baton.types.outcome import Finished

CONFIG = """
models:
  - id: local/tiny
    tier: local
    context_window: 8000
    max_output: 1000
    price: {input_usd: 0, output_usd: 0}
providers:
  local: {base_url: "http://127.0.0.1:1/v1", auth: none}
server:
  keys: [{name: shop, key: "${SHOP_KEY}", day_usd: 2}]
  admin_keys: [{name: root, key: "${ROOT_KEY}"}]
spend:
  teams: {search: {month_usd: 100}}
"""
NOW = 1_770_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "baton.yaml").write_text(CONFIG)
    return tmp_path


def baton(folder: Path, *words: str) -> tuple[int, str, str]:
    env = os.environ | {"SHOP_KEY": "k-shop-1", "ROOT_KEY": "k-root-1"}
    done = subprocess.run(
        [sys.executable, "-m", "baton", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_key_is_made_shown_without_itself_and_revoked(folder: Path) -> None:
    words = ("--team", "search", "--model", "local/*", "--day-usd", "1.5", "--rpm", "10", "--expires", "30d")
    code, out, err = baton(folder, "keys", "create", "alice", *words)
    key = out.strip()
    assert (code, key.startswith("bt-"), key in err) == (0, True, False)
    code, out, _ = baton(folder, "keys", "show", "alice", "--json")
    view = json.loads(out)
    assert (code, view["status"], view["terms"]["team"], view["terms"]["day_usd"]) == (0, "active", "search", 1.5)
    assert key not in out
    code, out, _ = baton(folder, "keys", "list", "--json")
    assert [(one["name"], one["source"]) for one in json.loads(out)["keys"]] == [
        ("shop", "config"), ("alice", "database"),
    ]  # fmt: skip
    assert baton(folder, "keys", "revoke", "alice")[0] == 0
    assert "revoked" in baton(folder, "keys", "show", "alice")[1]
    store = KeyStore(folder / "baton.db")
    assert [change.action for change in store.changes(9)] == ["key.revoke", "key.create"]
    assert all(change.actor.startswith("cli") for change in store.changes(9))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("create", "shop"), 1, "a key named 'shop' stands in the config"),
        (("create", "x", "--model", "nope"), 1, "model 'nope' is not in this config"),
        (("create", "x", "--expires", "1999-01-01"), 1, "lies in the past"),
        (("create", "x/y"), 2, "x/y"),
        (("create", "x", "--rpm", "0"), 2, "0"),
        (("show", "nobody"), 1, "no key named 'nobody'"),
        (("revoke", "shop"), 1, "take it out of server.keys"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(folder: Path, words: tuple[str, ...], code: int, told: str) -> None:
    found, out, err = baton(folder, "keys", *words)
    if code == 2:
        assert found == 2
    else:
        assert (found, out) == (code, "")
        assert told in err
    assert "Traceback" not in err


def test_spend_is_told_by_key_and_tag(folder: Path) -> None:
    ledger = Ledger.open(folder / "baton.db", flush_s=0.02)
    for number, cost in enumerate((0.5, 1.0)):
        ledger.put(
            Finished(
                request_id=f"r{number}", task_id=f"t{number}", at=NOW, dialect="openai-chat", key="shop", status=200,
                ending="ok", error="", stream=False, simulated=True, duration_s=0.1, overhead_s=0.01,
                usage=Usage(1000, 50), cost=nano_from_usd(cost), baseline_cost=0,
                accounts=("house", "key:shop", f"tag:[{number}]"),
            )
        )  # fmt: skip
    ledger.close()
    code, out, _ = baton(folder, "spend", "--json")
    assert code == 0
    assert json.loads(out) == {
        "by": "key",
        "rows": [{"account": "shop", "requests": 2, "input_tokens": 2000, "output_tokens": 100, "cost_usd": 1.5}],
    }
    _, table, _ = baton(folder, "spend", "--by", "tag")
    assert "[1]" in table.splitlines()[1]
    assert json.loads(baton(folder, "spend", "--since", "7d", "--json")[1])["rows"] == []
    assert baton(folder, "spend", "--since", "soon")[0] == 2
    assert json.loads(baton(folder, "keys", "show", "shop", "--json")[1])["spent"]["total_usd"] == 1.5


def test_workers_that_share_nothing_cannot_share_limits(folder: Path) -> None:
    code, _, err = baton(folder, "up", "--workers", "2", "--port", "0", "--quiet")
    assert code == 1
    assert "2 workers would each grant the whole of every budget" in err
