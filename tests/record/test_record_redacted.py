"""Content is redacted before it is written: no byte of what matched is in the files of the ledger."""

import json
from pathlib import Path

import pytest

from baton.protocol.redact import Redactor
from baton.record.ledger import Ledger
from baton.record.redacted import ContentRedactor
from baton.types.card import Dialect
from baton.types.money import Usage
from baton.types.outcome import Content, Finished
from tests.config.texts import FLEET, only_problem_of, parsed

MAIL = {"mail": r"\S+@\S+\.\w+"}
REQUEST = b'{"model":"auto","messages":[{"role":"user","content":"I am canary\\u0040mail.example"}]}'
WHOLE = b'{"choices":[{"message":{"role":"assistant","content":"hello canary@mail.example"},"finish_reason":"stop"}]}'


def pieces(*texts: str) -> bytes:
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in events)


STREAM = pieces("hello can", "ary@ma", "il.example")
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ANTHROPIC = b"".join(
    b"event: %s\ndata: %s\n\n" % (name, data)
    for name, data in (
        (b"message_start", b'{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"c","usage":{"input_tokens":1,"output_tokens":1}}}'),
        (b"content_block_start", b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
        (b"content_block_delta", b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi canary@"}}'),
        (b"content_block_delta", b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"mail.example"}}'),
        (b"content_block_stop", b'{"type":"content_block_stop","index":0}'),
        (b"message_delta", b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}'),
        (b"message_stop", b'{"type":"message_stop"}'),
    )
)  # fmt: skip


def finished(request: bytes, answer: bytes, *, stream: bool, dialect: Dialect = "openai-chat") -> Finished:
    return Finished(
        "r1", "t1", 0.0, dialect, "key", 200, "ok", "", stream, False, 1.0, 0.1, Usage(), 0, 0,
        content=Content(request, answer),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "stream", "dialect", "kept"),
    [
        (WHOLE, False, "openai-chat", b"hello [mail]"),
        (STREAM + END, True, "openai-chat", b"hello [mail]"),
        (STREAM, True, "openai-chat", b"hello [mail]"),
        (ANTHROPIC, True, "anthropic", b"hi [mail]"),
        (b"<html>canary@mail.example", False, "openai-chat", b""),
        (b"", False, "openai-chat", b""),
    ],
    ids=["whole", "stream", "cut stream", "anthropic", "no JSON", "nothing"],
)
def test_nothing_that_matches_is_in_the_files(
    tmp_path: Path, answer: bytes, stream: bool, dialect: Dialect, kept: bytes
) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.redact = ContentRedactor(MAIL)
    ledger.put(finished(REQUEST, answer, stream=stream, dialect=dialect))
    ledger.flush()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    ledger.close()
    files += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"canary" not in files
    assert b"mail.example" not in files
    assert b"I am [mail]" in files
    assert kept in files


def test_without_patterns_content_is_written_as_it_was(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.put(finished(REQUEST, WHOLE, stream=False))
    ledger.close()
    assert b"canary@mail.example" in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_what_cannot_be_read_is_not_kept_at_all() -> None:
    redactor = Redactor(MAIL)
    assert redactor.request(b"canary@mail.example") == b""
    assert redactor.request(b'{"a":' + b"[" * 5_000 + b'"canary@mail.example"' + b"]" * 5_000 + b"}") == b""


def test_patterns_of_the_config_are_checked() -> None:
    assert parsed(FLEET + "content: {redact: {mail: '\\S+@\\S+'}}\n").content.redact == {"mail": r"\S+@\S+"}
    assert "content.redact.mail" in only_problem_of(FLEET + "content: {redact: {mail: '('}}\n")
