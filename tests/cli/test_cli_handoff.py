"""`baton handoff`: a saved request in another dialect, its report, and plain words for files that are no requests."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.cli import main
from baton.protocol.request import read_members
from baton.protocol.saved_request import read_saved
from baton.types.card import Dialect
from baton.types.errors import MalformedBody

CAPTURE = Path(__file__).resolve().parents[3] / "shared" / "captures" / "claude-code-01.json"
HELLO = [{"role": "user", "content": "hello"}]
CHAT = {"model": "auto", "messages": HELLO}
LOSSY = CHAT | {"logit_bias": {"7": 1}}
BODIES: dict[str, dict[str, Any]] = {
    "openai-chat": CHAT,
    "openai-responses": {"model": "auto", "input": "hello"},
    "anthropic": {"model": "auto", "max_tokens": 99, "messages": HELLO},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    "ollama": {"model": "auto", "messages": HELLO},
}
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages?beta=true",
    "gemini": "/v1/models/gemini-9-x:streamGenerateContent?alt=sse",
    "ollama": "/api/chat",
}
DIALECTS = sorted(BODIES)


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def baton(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command as its entry point runs it."""

    def run(source: str, into: str, file: Path | str, *options: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["baton", "handoff", "--from", source, "--to", into, str(file), *options])
        with pytest.raises(SystemExit) as raised:
            main()
        out, err = capsys.readouterr()
        return Outcome(int(raised.value.code or 0), out, err)

    return run


def saved(folder: Path, content: Any) -> Path:
    path = folder / "request.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize("source", DIALECTS)
@pytest.mark.parametrize("into", DIALECTS)
def test_every_dialect_is_written_in_every_other(baton: Any, tmp_path: Path, source: str, into: str) -> None:
    found = baton(source, into, saved(tmp_path, BODIES[source]), "--json", "--strict")
    assert (found.code, found.err) == (0, "")
    shown = json.loads(found.out)
    assert set(shown) == {"request", "report"}
    assert set(shown["report"]) == {"counts", "entries", "header"}
    assert all(set(entry) == {"path", "action", "reason"} for entry in shown["report"]["entries"])
    assert sum(shown["report"]["counts"].values()) == len(shown["report"]["entries"])
    assert "hello" in json.dumps(shown["request"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_capture_is_known_by_its_path(baton: Any, tmp_path: Path, dialect: str) -> None:
    capture = {"client": "c", "method": "POST", "path": PATHS[dialect], "headers": {}, "body": BODIES[dialect]}
    assert read_saved(json.dumps(capture).encode()).dialect == dialect
    assert baton(dialect, "openai-chat", saved(tmp_path, capture), "--json").code == 0
    other = "anthropic" if dialect != "anthropic" else "ollama"
    found = baton(other, "openai-chat", saved(tmp_path, capture))
    assert (found.code, found.err) == (
        1,
        f"baton: the capture speaks {dialect}, not {other}: say --from {dialect}\n",
    )


def test_the_path_of_a_gemini_capture_says_model_and_stream(baton: Any, tmp_path: Path) -> None:
    capture = {"path": PATHS["gemini"], "body": BODIES["gemini"]}
    members = read_saved(json.dumps(capture).encode()).members
    assert (bytes(members["model"]), bytes(members["stream"])) == (b'"gemini-9-x"', b"true")
    shown = json.loads(baton("gemini", "ollama", saved(tmp_path, capture), "--json").out)
    assert shown["request"]["stream"] is True


def test_a_capture_may_hold_its_body_as_text() -> None:
    capture = {"path": "/v1/chat/completions", "body": json.dumps(CHAT)}
    assert read_saved(json.dumps(capture).encode()).members == read_members(json.dumps(CHAT).encode())


def test_strict_names_what_is_lost_and_fails(baton: Any, tmp_path: Path) -> None:
    path = saved(tmp_path, LOSSY)
    loose = baton("openai-chat", "anthropic", path, "--json")
    assert (loose.code, loose.err) == (0, "")
    strict = baton("openai-chat", "anthropic", path, "--json", "--strict")
    assert strict.code == 1
    assert strict.out == loose.out
    assert strict.err.startswith("baton: the handoff loses something: logit_bias: degraded, ")
    assert strict.err.count("\n") == 1


def test_the_table_says_what_became_of_what_and_that_it_would_not_be_sent(baton: Any, tmp_path: Path) -> None:
    found = baton("openai-chat", "anthropic", saved(tmp_path, LOSSY | {"n": 2}))
    assert found.code == 0
    assert '"role": "user"' in found.out
    assert "logit_bias" in found.out
    assert "rejected" in found.out
    assert "This request would not be sent." in found.out
    assert "1 degraded" in found.out


def test_a_model_of_the_catalogue_brings_what_its_card_says(baton: Any, tmp_path: Path) -> None:
    path = saved(tmp_path, CHAT | {"temperature": 0.5})
    shown = json.loads(baton("openai-chat", "ollama", path, "--json", "--model", "ollama/gpt-oss:20b").out)
    assert shown["request"]["model"] == "gpt-oss:20b"
    unknown = json.loads(baton("openai-chat", "openai-responses", path, "--json", "--model", "my-own").out)
    assert unknown["request"]["model"] == "my-own"
    found = baton("openai-chat", "anthropic", path, "--model", "ollama/gpt-oss:20b")
    assert (found.code, found.err) == (
        1,
        "baton: 'ollama/gpt-oss:20b' does not speak anthropic: it speaks openai-chat, ollama\n",
    )


def test_a_request_is_read_from_standard_input(baton: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(CHAT).encode())))
    assert json.loads(baton("openai-chat", "anthropic", "-", "--json").out)["request"]["messages"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the body is empty"),
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"model": "\xff"}', "not valid UTF-8"),
        (b'{"model": "m"}', "`messages` is missing"),
        (b'{"messages": 7}', "`messages` must be a list"),
        (b'{"messages": [{"role": "user", "content": 7}]}', r"`messages[0].content` must be"),
        (b'{"path": "/v1/chat/completions", "body": null}', "must be a JSON object"),
        (b'{"path": "/v1/chat/completions", "body": [1]}', "must be a JSON object"),
        (b'{"path": 7, "body": {}}', "`path` must be"),
        (b'{"path": "/v1/models", "body": {}}', "where no dialect of Baton's is spoken"),
        (b"[" * 100_000, "must be a JSON object"),
        (b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
    ],
)
def test_a_file_that_is_no_request_is_told_in_one_line(baton: Any, tmp_path: Path, content: bytes, says: str) -> None:
    found = baton("openai-chat", "anthropic", saved(tmp_path, content))
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("baton: ")
    assert says in found.err
    assert found.err.count("\n") == 1


def test_a_file_that_is_not_there_is_told_in_one_line(baton: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.json", tmp_path):
        found = baton("openai-chat", "anthropic", path)
        assert found.code == 1
        assert str(path) in found.err
        assert found.err.count("\n") == 1


def test_an_unknown_dialect_is_a_wrong_option(baton: Any, tmp_path: Path) -> None:
    found = baton("openai-chat", "latin", saved(tmp_path, CHAT))
    assert found.code == 2
    assert "openai-responses" in found.err


@given(st.binary(max_size=200) | st.dictionaries(st.sampled_from(["path", "body", "x"]), st.text()).map(json.dumps))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_in_the_file_it_is_read_or_refused(content: bytes | str) -> None:
    data = content.encode() if isinstance(content, str) else content
    try:
        found = read_saved(data)
    except MalformedBody as error:
        said = str(error)
    else:
        said = "read"
        assert isinstance(found.members, dict)
    assert said


@pytest.mark.skipif(not CAPTURE.exists(), reason=f"no captures of real clients in {CAPTURE.parent}")
@pytest.mark.parametrize("into", DIALECTS)
def test_a_request_of_claude_code_goes_to_every_dialect(baton: Any, into: Dialect) -> None:
    found = baton("anthropic", into, CAPTURE, "--json")
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out)["report"]["counts"]["rejected"] == 0
