"""`baton validate`, `baton schema`, `baton import litellm`: what they print, where, and how they end."""

import json
from pathlib import Path

import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from baton.cli.import_litellm import import_app
from baton.cli.schema import schema
from baton.cli.validate import validate
from baton.config.shape import json_schema
from baton.types.errors import ConfigError

from .texts import FLEET

APP = typer.Typer()
APP.command()(validate)
APP.command()(schema)
APP.add_typer(import_app, name="import")
RUN = CliRunner()

LITELLM = "model_list: [{model_name: chat, litellm_params: {model: ollama/x, rpm: 5}}]"


def test_validate_prints_models_with_prices(tmp_path: Path) -> None:
    path = tmp_path / "baton.yaml"
    path.write_text(FLEET)
    result = RUN.invoke(APP, ["validate", str(path)])
    assert result.exit_code == 0
    assert "sim/frontier  frontier  $5 in, $25 out per million tokens (config)" in result.stdout
    assert f"{path} is valid: 2 models, 8 task types, 2 routes" in result.stdout


def test_validate_looks_for_baton_yaml_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUN.invoke(APP, ["validate"])
    assert isinstance(result.exception, ConfigError)
    assert result.exception.problems == ["baton.yaml: no such file: check the path"]


def test_validate_raises_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "baton.yaml"
    path.write_text(FLEET + "server: {hots: x}\ncontent: {mode: x}\n")
    result = RUN.invoke(APP, ["validate", str(path)])
    assert isinstance(result.exception, ConfigError)
    assert len(result.exception.problems) == 2


def test_schema_prints_a_sound_json_schema() -> None:
    result = RUN.invoke(APP, ["schema"])
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed == json.loads(json.dumps(json_schema()))
    Draft202012Validator.check_schema(printed)


def test_import_prints_a_config_and_tells_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(LITELLM)
    result = RUN.invoke(APP, ["import", "litellm", str(path)])
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["aliases"] == {"chat": "ollama/x"}
    assert f"{path}: model_list[0]: no counterpart for rpm" in result.stderr


def test_import_writes_a_file_but_never_over_one(tmp_path: Path) -> None:
    path, out = tmp_path / "config.yaml", tmp_path / "baton.yaml"
    path.write_text(LITELLM)
    assert RUN.invoke(APP, ["import", "litellm", str(path), "--out", str(out)]).exit_code == 0
    written = out.read_text()
    assert RUN.invoke(APP, ["validate", str(out)]).exit_code == 0
    again = RUN.invoke(APP, ["import", "litellm", str(path), "--out", str(out)])
    assert again.exit_code == 2
    assert "exists: name another file" in " ".join(again.output.split()).replace("│ ", "")
    assert out.read_text() == written


VALIDATOR = Draft202012Validator(json_schema())

RIGHT = [
    FLEET,
    "models: [openai/*, {id: a/b, price: {input_usd: 1, output_usd: '${X}'}}]\nserver: {port: '${PORT:-1}', keys: []}",
    "models: [a/b]\ntask_types: {code: {match: [{words: [a], tools: true}], lambda: 2}, mine: }\nproviders: {openai: }",
]
WRONG = [
    "models: []",
    "server: {}",
    "models: [a/b]\nextra: 1",
    "models: [a/b]\nserver: {hots: x}",
    "models: [{id: a/b, tier: big}]",
    "models: [{id: a/b, price: {input_usd: -1, output_usd: 1}}]",
    "models: [{id: a/b, quality: {code: 2}}]",
    "models: [a/b]\nroutes: [{rule: mid}]",
    "models: [a/b]\nserver: {keys: [{name: a}]}",
    "models: [a/b]\ntask_types: {code: {floor: 1.5}}",
    "version: 2\nmodels: [a/b]",
    "models: [~]",
]


@pytest.mark.parametrize("text", RIGHT)
def test_the_schema_takes_what_the_loader_takes(text: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("text", WRONG)
def test_the_schema_refuses_what_the_loader_refuses(text: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(text))
