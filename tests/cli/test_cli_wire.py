"""`baton wire` and `baton unwire`, on real files: what is written, what stays, and that nothing is ever lost."""

import json
import os
import stat
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from baton.cli.wire import json_text
from baton.cli.wire.command import unwire, wire
from baton.types.errors import ConfigError

APP = typer.Typer()
APP.command()(wire)
APP.command()(unwire)
RUN = CliRunner()

FILES = {
    "claude-code": ".claude/settings.json",
    "codex": ".codex/config.toml",
    "opencode": ".config/opencode/opencode.json",
}
OWN = {
    "claude-code": '{"permissions": {"allow": ["Bash(ls)"]},\n   "env": {"FOO": "\\u00e9"}}',
    "codex": '# mine\nmodel = "gpt-5.6"   # the big one\n\n[mcp_servers.x]\ncommand = "x"\nargs = [\n  "a", # ]\n]\n',
    "opencode": '// mine\n{\n\t"theme": "x", // dark\n\t"provider": {\n\t\t"other": {}, /* keep */\n\t},\n}\n',
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> Result:
    result = RUN.invoke(APP, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def problem(*arguments: str) -> str:
    result = RUN.invoke(APP, list(arguments))
    assert isinstance(result.exception, ConfigError), (result.output, result.exception)
    (line,) = result.exception.problems
    assert "\n" not in line
    return line


def placed(home: Path, client: str, text: str | None) -> Path:
    path = home / FILES[client]
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is not None:
        path.write_bytes(text.encode())
    return path


def beside(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir() if one != path)


# --- what is written ---


def test_claude_code_gets_the_address_and_the_key_in_its_environment(home: Path) -> None:
    path = placed(home, "claude-code", OWN["claude-code"])
    run("wire", "claude-code", "--url", "http://gateway:9/v1/", "--key", "k-1")
    assert json.loads(path.read_text()) == {
        "permissions": {"allow": ["Bash(ls)"]},
        "env": {"FOO": "é", "ANTHROPIC_BASE_URL": "http://gateway:9", "ANTHROPIC_AUTH_TOKEN": "k-1"},
    }
    assert path.read_text().startswith('{"permissions": {"allow": ["Bash(ls)"]},\n   "env": {"FOO": "\\u00e9", ')


def test_codex_gets_a_provider_that_speaks_responses_and_every_other_byte_stays(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    run("wire", "codex", "--key", "k-1")
    text = path.read_text()
    assert tomllib.loads(text) == tomllib.loads(OWN["codex"]) | {
        "model": "auto",
        "model_provider": "baton",
        "model_providers": {
            "baton": {
                "name": "Baton",
                "base_url": "http://127.0.0.1:4141/v1",
                "wire_api": "responses",
                "experimental_bearer_token": "k-1",
            }
        },
    }
    own = OWN["codex"].replace('"gpt-5.6"', '"auto"').replace("big one\n", 'big one\nmodel_provider = "baton"\n')
    assert text.startswith(own)
    assert text[len(own) :].startswith("\n[model_providers.baton]\n")


def test_opencode_gets_a_provider_and_keeps_comments(home: Path) -> None:
    path = placed(home, "opencode", OWN["opencode"])
    run("wire", "opencode")
    text = path.read_text()
    for comment in ("// mine", "// dark", "/* keep */"):
        assert comment in text
    tree = json_text.Source(text, comments=True).tree
    assert tree["model"] == "baton/auto"
    assert tree["theme"] == "x"
    assert tree["provider"]["other"] == {}
    assert tree["provider"]["baton"]["npm"] == "@ai-sdk/openai-compatible"
    assert tree["provider"]["baton"]["options"] == {"baseURL": "http://127.0.0.1:4141/v1", "apiKey": "unused"}
    assert list(tree["provider"]["baton"]["models"]) == ["auto"]


def test_openai_prints_a_snippet_that_a_shell_can_evaluate() -> None:
    result = run("wire", "openai", "--key", "a'b$c")
    assert result.stdout == "export OPENAI_BASE_URL=http://127.0.0.1:4141/v1\nexport OPENAI_API_KEY='a'\"'\"'b$c'\n"
    assert ".bashrc" in result.stderr
    assert run("unwire", "openai").stdout == "unset OPENAI_BASE_URL OPENAI_API_KEY\n"


@pytest.mark.parametrize("client", FILES)
@pytest.mark.parametrize("own", [True, False])
def test_print_shows_what_would_be_written_and_touches_nothing(home: Path, client: str, own: bool) -> None:
    path = home / FILES[client]
    if own:
        placed(home, client, OWN[client])
    before = sorted(home.rglob("*"))
    printed = run("wire", client, "--print").stdout
    assert sorted(home.rglob("*")) == before
    assert (path.read_text() if own else None) == (OWN[client] if own else None)
    run("wire", client)
    assert path.read_bytes() == printed.encode()


@pytest.mark.parametrize(
    ("client", "variable", "file"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", "settings.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("opencode", "XDG_CONFIG_HOME", "opencode/opencode.json"),
    ],
)
def test_the_clients_own_variable_says_where_its_settings_are(
    home: Path, monkeypatch: pytest.MonkeyPatch, client: str, variable: str, file: str
) -> None:
    monkeypatch.setenv(variable, str(home / "elsewhere"))
    run("wire", client)
    assert (home / "elsewhere" / file).is_file()
    assert not (home / FILES[client]).exists()


# --- and back ---


@pytest.mark.parametrize("client", FILES)
def test_unwire_restores_the_file_byte_for_byte_with_its_permissions(home: Path, client: str) -> None:
    path = placed(home, client, OWN[client].replace("\n", "\r\n"))
    path.chmod(0o640)
    before = path.read_bytes()
    run("wire", client)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.with_name(path.name + ".baton-backup").read_bytes() == before
    run("unwire", client)
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert beside(path) == []


@pytest.mark.parametrize("client", FILES)
def test_a_file_that_was_not_there_is_private_and_goes_again(home: Path, client: str) -> None:
    path = home / FILES[client]
    assert "there was no such file before" in run("wire", client).stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "gone again" in run("unwire", client).stdout
    assert not path.exists()
    assert beside(path) == []


@pytest.mark.parametrize("client", FILES)
def test_wiring_twice_changes_nothing_and_keeps_the_first_backup(home: Path, client: str) -> None:
    path = placed(home, client, OWN[client])
    run("wire", client)
    once = path.read_bytes()
    assert "already" in run("wire", client).stdout
    assert path.read_bytes() == once
    run("wire", client, "--url", "https://other.example", "--key", "k2")
    assert b"https://other.example" in path.read_bytes()
    assert b"127.0.0.1" not in path.read_bytes()
    run("unwire", client)
    assert path.read_bytes() == OWN[client].encode()


def test_what_the_user_edited_since_stays_and_only_our_entries_go(home: Path) -> None:
    path = placed(home, "claude-code", '{\n  "env": {\n    "ANTHROPIC_BASE_URL": "https://mine"\n  }\n}\n')
    run("wire", "claude-code")
    path.write_text(path.read_text().replace('{\n  "env"', '{\n  "model": "opus",\n  "env"'))
    run("wire", "claude-code", "--key", "another")
    said = run("unwire", "claude-code").stdout
    assert "was edited since it was wired" in said
    expected = '{\n  "model": "opus",\n  "env": {\n    "ANTHROPIC_BASE_URL": "https://mine"\n  }\n}\n'
    assert path.read_text() == expected
    assert beside(path) == []


def test_an_entry_that_the_user_changed_since_is_his_and_is_named(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    run("wire", "codex")
    path.write_text(path.read_text().replace('model = "auto"', 'model = "gpt-6"'))
    assert "left as it is, since it was changed: model\n" in run("unwire", "codex").stdout
    assert path.read_text() == OWN["codex"].replace("gpt-5.6", "gpt-6")


def test_an_opencode_file_of_ours_that_got_a_comment_keeps_it(home: Path) -> None:
    path = placed(home, "opencode", None)
    run("wire", "opencode")
    path.write_text(path.read_text().replace("{\n", "{\n  // hello\n", 1))
    run("unwire", "opencode")
    assert path.read_text() == '{\n  // hello\n  "$schema": "https://opencode.ai/config.json"\n}\n'


def test_a_file_that_vanished_since_is_restored(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    run("wire", "codex")
    path.unlink()
    run("unwire", "codex")
    assert path.read_text() == OWN["codex"]


def test_a_symbolic_link_stays_one_and_what_it_points_to_is_edited(home: Path) -> None:
    dotfiles = home / "dotfiles.toml"
    dotfiles.write_text(OWN["codex"])
    path = placed(home, "codex", None)
    path.symlink_to(dotfiles)
    run("wire", "codex")
    assert path.is_symlink()
    assert tomllib.loads(dotfiles.read_text())["model_provider"] == "baton"
    run("unwire", "codex")
    assert path.is_symlink()
    assert dotfiles.read_text() == OWN["codex"]


# --- bad input ---


@pytest.mark.parametrize("client", FILES)
@pytest.mark.parametrize(
    ("content", "says"),
    [(b"{oops", "is not valid"), (b"\xff\xfe{}", "is not UTF-8 (byte 0)"), (b'{"a": 1} x', "is not valid")],
)
def test_a_file_that_cannot_be_read_is_left_alone(home: Path, client: str, content: bytes, says: str) -> None:
    path = placed(home, client, None)
    path.write_bytes(content)
    line = problem("wire", client)
    assert line.startswith(f"{path}: ")
    assert says in line
    assert path.read_bytes() == content
    assert beside(path) == []


@pytest.mark.parametrize(
    ("client", "content", "says"),
    [
        ("claude-code", '{"env": {} // mine\n}', "is not valid JSON"),
        ("claude-code", "[]", "holds no JSON object"),
        ("claude-code", '{"env": ["x"]}', "'env' that is no object"),
        ("claude-code", '{"a": NaN}', "NaN is no JSON number"),
        ("claude-code", '{"a":' * 100_000, "is not valid JSON"),
        ("opencode", '{"provider": null}', "'provider' that is no object"),
        ("codex", "model_providers = {}\n", "write model_providers as [model_providers.NAME] tables"),
        ("codex", '[model_providers]\nbaton.name = "x"\n', "write model_providers as [model_providers.NAME] tables"),
        ("codex", "model_provider = 3\nmodel_providers = 4\n", "cannot be edited without harm"),
    ],
)
def test_what_cannot_be_edited_is_refused_in_one_line(home: Path, client: str, content: str, says: str) -> None:
    path = placed(home, client, content)
    assert says in problem("wire", client)
    assert path.read_text() == content
    assert beside(path) == []


@pytest.mark.parametrize(
    ("asked", "near"), [("claude", "claude-code"), ("Codex", "codex"), ("open-code", "opencode"), ("open-ai", "openai")]
)
def test_an_unknown_client_is_told_the_nearest(asked: str, near: str) -> None:
    for command in ("wire", "unwire"):
        result = RUN.invoke(APP, [command, asked])
        assert result.exit_code == 2
        assert f"did you mean '{near}'?" in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "wrong", ["", "127.0.0.1:4141", "ftp://x", "http://", "http://x:99999", "http://x y", 'http://x/"', "http://x?k=1"]
)
def test_an_address_that_is_none_is_refused(home: Path, wrong: str) -> None:
    result = RUN.invoke(APP, ["wire", "codex", "--url", wrong])
    if wrong == 'http://x/"':  # printable: it is quoted, not refused
        assert (
            tomllib.loads((home / FILES["codex"]).read_text())["model_providers"]["baton"]["base_url"] == wrong + "/v1"
        )
    else:
        assert result.exit_code == 2
        assert list(home.iterdir()) == []


@pytest.mark.parametrize("wrong", ["", "two words", "line\nbreak", "clé"])
def test_a_key_that_no_header_can_carry_is_refused(home: Path, wrong: str) -> None:
    assert RUN.invoke(APP, ["wire", "codex", "--key", wrong]).exit_code == 2
    assert list(home.iterdir()) == []


def test_unwire_without_wire_says_so(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    assert "is not wired to Baton" in problem("unwire", "codex")
    assert path.read_text() == OWN["codex"]


def test_a_folder_in_place_of_the_file_is_told(home: Path) -> None:
    (home / FILES["codex"]).mkdir(parents=True)
    assert "is not a file" in problem("wire", "codex")


def test_a_file_in_place_of_the_folder_is_told(home: Path) -> None:
    (home / ".codex").write_text("x")
    assert str(home / FILES["codex"]) in problem("wire", "codex")
    assert (home / ".codex").read_text() == "x"


def test_a_link_that_points_to_itself_is_told(home: Path) -> None:
    path = placed(home, "codex", None)
    path.symlink_to(path)
    assert "symbolic links" in problem("wire", "codex")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_or_file_is_told_and_nothing_changes(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    path.chmod(0o444)
    assert "read-only" in problem("wire", "codex")
    path.chmod(0o644)
    path.parent.chmod(0o555)
    try:
        assert "Permission denied" in problem("wire", "codex")
        assert path.read_text() == OWN["codex"]
    finally:
        path.parent.chmod(0o755)


def test_a_backup_of_an_earlier_time_is_never_overwritten(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    backup = path.with_name("config.toml.baton-backup")
    backup.write_text("precious = 1\n")
    assert "is left from an earlier time" in problem("wire", "codex")
    assert backup.read_text() == "precious = 1\n"
    assert path.read_text() == OWN["codex"]


def test_a_backup_that_is_gone_stops_unwire(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    run("wire", "codex")
    path.with_name("config.toml.baton-backup").unlink()
    assert "the backup is gone" in problem("unwire", "codex")
    assert tomllib.loads(path.read_text())["model_provider"] == "baton"


def test_a_record_that_is_not_ours_is_told(home: Path) -> None:
    path = placed(home, "codex", OWN["codex"])
    path.with_name("config.toml.baton-wired").write_text("[]")
    assert "is not what Baton wrote" in problem("wire", "codex")
