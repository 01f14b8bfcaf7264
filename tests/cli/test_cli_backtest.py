"""`baton backtest` as it is called."""

import json
from pathlib import Path

from tests.cli.test_cli_commands import CONFIG, baton

ROWS = "".join(
    json.dumps({"id": f"p{number}", "prompt": "say hello", "task_type": "other", "grade": 1.0, "cost_usd": 0.5} | more)
    + "\n"
    for number in range(40)
    for more in ({"model": "local/big", "served": True}, {"model": "local/tiny", "cost_usd": 0.0})
)


def written(folder: Path) -> Path:
    (folder / "policy.yaml").write_text(CONFIG + "task_types:\n  other: {rule: local/tiny}\n")
    (folder / "log.jsonl").write_text(ROWS)
    return folder


def test_figures_in_json_and_in_words(tmp_path: Path) -> None:
    folder = written(tmp_path)
    code, out, _ = baton(folder, "backtest", "policy.yaml", "--log", "log.jsonl", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["share_by_model"]["local/tiny"] == {"before": 0.0, "after": 1.0}
    assert found["cost"]["change_pct"] == -100.0
    assert found["difference"]["mean"] == 0.0
    code, out, _ = baton(folder, "backtest", "policy.yaml", "--log", "log.jsonl")
    assert code == 0
    assert "difference: 0.000" in out
    assert "100.0%" in out


def test_bad_input_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    folder = written(tmp_path)
    for words, told in (
        (("policy.yaml", "--log", "gone.jsonl"), "no such file"),
        (("gone.yaml", "--log", "log.jsonl"), "no such file"),
        (("policy.yaml", "--log", "gone.db"), "gone.db"),
    ):
        code, out, error = baton(folder, "backtest", *words)
        assert (code, out) == (1, "")
        assert told in error
        assert "Traceback" not in error
    code, _, error = baton(folder, "backtest", "policy.yaml", "--log", "log.jsonl", "--since", "7d")
    assert code == 2
    assert "has no times" in error
