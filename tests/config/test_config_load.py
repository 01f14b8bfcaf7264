"""A right config becomes one value; nothing of it is lost on the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from baton.config.load import load_config, parse_config
from baton.config.schema import ContentConfig, LedgerConfig, ServerConfig
from baton.config.table import model_table
from baton.types.card import ModelCard, Provider
from baton.types.errors import ConfigError
from baton.types.money import Price, price_from_usd
from baton.types.secret import Secret
from baton.types.task import BUILTIN_TASK_TYPES, Match

from .texts import DAY, ENV, FLEET, parsed

EVERYTHING = """\
version: 1
providers:
  sim: {base_url: http://127.0.0.1:9000/, dialects: [openai-chat, anthropic], auth: none, simulated: true}
  openai: {api_key: ${OPENAI_API_KEY}}
models:
  - openai/gpt-6.1-*
  - id: sim/frontier
    tier: frontier
    context_window: 200_000
    context_window: 200000
    max_output: 32000
    price: {input_usd: 5.0, output_usd: 25.0, cache_read_usd: 0.5, cache_write_usd: 6.25}
    capabilities: [tools, structured_output]
    specialities: [code]
    quality: {code: 0.9}
""".replace("    context_window: 200_000\n", "")


def test_a_card_holds_what_the_file_says() -> None:
    config = parsed(EVERYTHING)
    assert config.snapshot.cards["sim/frontier"] == ModelCard(
        id="sim/frontier",
        provider="sim",
        upstream="frontier",
        tier="frontier",
        context_window=200_000,
        max_output=32_000,
        price=price_from_usd(5, 25, "0.5", "6.25"),
        capabilities=frozenset({"tools", "structured_output"}),
        specialities=frozenset({"code"}),
        quality={"code": 0.9},
    )
    assert config.snapshot.providers["sim"] == Provider(
        "sim", "http://127.0.0.1:9000", ("openai-chat", "anthropic"), "none", simulated=True
    )


def test_a_builtin_provider_needs_nothing_but_its_key() -> None:
    openai = parsed(EVERYTHING).snapshot.providers["openai"]
    assert openai.base_url == "https://api.openai.com/v1"
    assert openai.auth == "bearer"
    assert openai.api_key == Secret(ENV["OPENAI_API_KEY"])
    assert "openai-chat" in openai.dialects


def test_a_wildcard_stands_for_builtin_cards_with_listed_prices() -> None:
    cards = parsed(EVERYTHING).snapshot.cards
    assert list(cards) == ["openai/gpt-6.1-sol", "openai/gpt-6.1-terra", "sim/frontier"]
    assert cards["openai/gpt-6.1-sol"].price.source.startswith("genai-prices ")
    assert "2026-11-24" in cards["openai/gpt-6.1-sol"].price.source


def test_sections_that_are_left_out_have_their_defaults() -> None:
    config = parsed(FLEET)
    assert config.server == ServerConfig()
    assert config.ledger == LedgerConfig()
    assert config.content == ContentConfig()
    assert config.server.host == "127.0.0.1"
    assert config.server.max_body_bytes < 40 * 1024 * 1024


def test_sections_are_read() -> None:
    config = parsed(
        FLEET + "server: {port: 4200, total_s: 60, workers: 2}\n"
        "ledger: {path: /tmp/x.db, flush_s: 0.1}\n"
        "content: {mode: off, retention_days: 7}\n"
    )
    assert (config.server.port, config.server.total_s, config.server.workers) == (4200, 60.0, 2)
    assert (config.ledger.path, config.ledger.flush_s) == ("/tmp/x.db", 0.1)
    assert (config.content.mode, config.content.retention_days) == ("off", 7.0)


def test_empty_sections_are_sections_left_out() -> None:
    assert parsed(FLEET + "server:\nledger:\ncontent:\nroutes:\naliases:\ntask_types:\n") == parsed(FLEET)


def test_builtin_task_types_are_there_and_overridden_field_by_field() -> None:
    before = parsed(FLEET).snapshot.task_types
    after = parsed(
        FLEET
        + "task_types:\n  extraction: {floor: 0.9, lambda: 3, ladder: [sim/nano, sim/frontier], min_quality: 0.8}\n"
    ).snapshot.task_types
    assert set(before) == set(BUILTIN_TASK_TYPES)
    extraction = after["extraction"]
    assert (extraction.floor, extraction.lambda_, extraction.min_quality) == (0.9, 3.0, 0.8)
    assert extraction.ladder == ("sim/nano", "sim/frontier")
    assert (extraction.rule, extraction.match) == ("cheapest", before["extraction"].match)
    assert {name: one for name, one in after.items() if name != "extraction"} == {
        name: one for name, one in before.items() if name != "extraction"
    }


def test_own_task_types_are_matched_before_the_builtin_ones() -> None:
    types = parsed(
        FLEET + "task_types:\n  code: {floor: 0.5}\n  invoice: {rule: mid, match: [{words: [invoice], tools: false}]}\n"
    ).snapshot.task_types
    assert next(iter(types)) == "invoice"
    assert types["invoice"].match == (Match(words=("invoice",), tools=False),)
    assert types["invoice"].name == "invoice"


def test_builtin_routes_stand_at_the_end_unless_the_file_defines_them() -> None:
    assert [one.name for one in parsed(FLEET).snapshot.routes] == ["auto", "direct"]
    routes = parsed(
        FLEET + "routes: [{name: team, key: [anonymous], rule: mid}, {name: auto, floor: 0.8}]\n"
    ).snapshot.routes
    assert [one.name for one in routes] == ["team", "auto", "direct"]
    assert routes[1].floor == 0.8
    assert routes[1].model == ("auto", "auto:*")
    assert routes[2].strategy == "pass"


def test_aliases_are_resolved_to_the_end() -> None:
    aliases = parsed(FLEET + "aliases: {best: top, top: sim/frontier, fast: auto:cost}\n").snapshot.aliases
    assert aliases == {"best": "sim/frontier", "top": "sim/frontier", "fast": "auto:cost"}


def test_references_may_use_aliases() -> None:
    snapshot = parsed(
        FLEET + "aliases: {top: sim/frontier}\n"
        "task_types: {code: {reference: top, ladder: [top], rule: top}}\n"
        "routes: [{name: r, model: [top, 'gpt-*'], models: [top, 'sim/n*'], rule: top}]\n"
    ).snapshot
    assert snapshot.task_types["code"].reference == "sim/frontier"
    assert snapshot.task_types["code"].ladder == ("sim/frontier",)
    assert snapshot.task_types["code"].rule == "sim/frontier"
    assert snapshot.routes[0].models == ("sim/frontier", "sim/n*")
    assert snapshot.routes[0].model == ("top", "gpt-*")


def test_vendors_own_names_reach_their_models_unless_two_share_one() -> None:
    aliases = parsed("models: [openai/gpt-6-luna, anthropic/claude-opus-5-5]").snapshot.aliases
    assert aliases == {"gpt-6-luna": "openai/gpt-6-luna", "claude-opus-5-5": "anthropic/claude-opus-5-5"}
    shared = "models: [openai/gpt-4o, {id: openai/second, upstream: gpt-4o}]"
    assert "gpt-4o" not in parsed(shared).snapshot.aliases
    assert parsed("models: [openai/gpt-6-luna]\naliases: {gpt-6-luna: auto}").snapshot.aliases == {"gpt-6-luna": "auto"}


def test_the_table_lists_prices_with_their_source() -> None:
    rows = model_table(parsed(EVERYTHING))
    assert [row.model for row in rows] == ["openai/gpt-6.1-sol", "openai/gpt-6.1-terra", "sim/frontier"]
    assert (rows[-1].input_usd, rows[-1].output_usd, rows[-1].price_source) == (5.0, 25.0, "config")
    assert rows[-1].simulated
    assert not rows[0].simulated


def test_load_reads_the_file_and_names_it_in_problems(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("\ufeff" + FLEET, encoding="utf-8")
    assert load_config(path, {}, day=DAY) == parsed(FLEET)
    path.write_text("modles: []")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert all(problem.startswith(f"{path}:") for problem in caught.value.problems[:1])


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\xfem\x00", "is not UTF-8"), (b"#" * (1024 * 1024 + 1), "is larger than"), (b"", "is empty")],
)
def test_load_refuses_what_is_no_config(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "baton.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_config(path, {})


def test_load_tells_a_missing_file_from_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "baton.yaml", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})


def test_prices_that_are_stated_are_exact() -> None:
    text = "models: [{id: a/b, base_url: 'https://a.example', auth: none, tier: mid, context_window: 8, price: {input_usd: 0.1, output_usd: 1e-3}}]"
    assert parsed(text).snapshot.cards["a/b"].price == Price(100_000_000, 1_000_000)


def test_a_config_with_stated_prices_opens_no_price_table_and_loads_in_50_ms() -> None:
    models = "".join(
        f"  - {{id: acme/m{number}, tier: mid, context_window: 8000, price: {{input_usd: 1, output_usd: 2}}}}\n"
        for number in range(10)
    )
    text = f"providers: {{acme: {{base_url: 'https://a.example/v1', api_key: k-1}}}}\nmodels:\n{models}"
    program = (
        "import sys, time\n"
        "import baton.config\n"
        "from baton.config.load import parse_config\n"
        "assert 'yaml' not in sys.modules and 'genai_prices' not in sys.modules\n"
        "started = time.process_time()\n"
        f"config = parse_config({text!r}, {{}})\n"
        "spent = time.process_time() - started\n"
        "assert len(config.snapshot.cards) == 10 and 'genai_prices' not in sys.modules\n"
        "print(spent)\n"
    )
    spent = min(
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    )
    assert spent < 0.05


def test_the_same_text_gives_the_same_config() -> None:
    assert parse_config(EVERYTHING, ENV, day=DAY) == parse_config(EVERYTHING, dict(ENV), day=DAY)
