"""Signatures of AWS against AWS's own vectors (and botocore where it is installed), tokens of Google from a real server."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from baton.call.endpoint import Endpoint
from baton.call.providers.aws_credentials import key_in
from baton.call.providers.google_token import GoogleToken
from baton.call.providers.sigv4 import AwsKey, Scope, signed
from baton.call.transport import Outgoing
from baton.testing.upstream import Step, http_answer, scripted
from baton.types.card import ModelCard, Provider
from baton.types.errors import UpstreamFault
from baton.types.money import price_from_usd

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
CASES = [
    ("GET", "https://example.amazonaws.com/", {}, b"", "service", ""),
    ("POST", "https://example.amazonaws.com/", FORM, b"Param1=value1", "service", ""),
    ("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", {}, b"", "service", ""),
    ("POST", f"{BEDROCK}/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke", JSON, b'{"a":1}', "bedrock", "TOKEN/+=="),
    ("POST", "http://127.0.0.1:8099/model/arn%3Aaws%3Ax%2Fy/invoke", JSON, '{"ä":1}'.encode(), "bedrock", ""),
]  # fmt: skip
Case = tuple[str, str, dict[str, str], bytes, str, str]


def signature(case: Case) -> dict[str, str]:
    method, url, headers, body, service, session = case
    key = AwsKey("AKIDEXAMPLE", SECRET, session)
    return signed(method, url, headers, body, key, Scope("us-east-1", service), NOW)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        # get-vanilla, post-x-www-form-urlencoded and get-vanilla-query-order-key-case of AWS's test suite
        (CASES[0], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (CASES[1], "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        (CASES[2], "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        # by botocore 1.4x: a model's name with a colon, encoded twice, and the token of a session
        (CASES[3], "27887fe726669638b5ba12ddd7ac1777e56cc378410ccf1ce8d121a961fca11f"),
    ],
)
def test_a_signature_is_that_of_aws(case: Case, expected: str) -> None:
    assert signature(case)["authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize("case", CASES)
def test_a_signature_is_that_of_botocore(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    auth = pytest.importorskip("botocore.auth", reason="botocore (extra aws) is not installed")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    monkeypatch.setattr(auth, "get_current_datetime", lambda *_args, **_more: NOW.replace(tzinfo=None))
    method, url, headers, body, service, session = case
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    auth.SigV4Auth(Credentials("AKIDEXAMPLE", SECRET, session or None), service, "us-east-1").add_auth(request)
    mine = signature(case)
    assert mine["authorization"] == request.headers["Authorization"]
    assert mine["x-amz-date"] == request.headers["X-Amz-Date"]
    assert mine.get("x-amz-security-token") == request.headers.get("X-Amz-Security-Token")


def test_a_secret_key_is_not_shown() -> None:
    assert SECRET not in repr(AwsKey("AKIDEXAMPLE", SECRET))
    assert SECRET not in str(signature(CASES[3]))


CARD = ModelCard("p/m", "p", "m", "mid", 1_000, 100, price_from_usd(1, 2))


def bedrock() -> Endpoint:
    one = Provider("p", "https://b.example", ("anthropic",), "sigv4", kind="bedrock", options={"region": "eu-west-1"})
    return Endpoint(one, "anthropic")


def test_bedrock_is_signed_with_the_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    sent = asyncio.run(bedrock().outgoing(CARD, b'{"model":"m"}', {}, stream=False))
    again = datetime.strptime(sent.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    expected = signed(
        "POST", sent.url, JSON, sent.body, AwsKey("AKIDEXAMPLE", SECRET, "token"), Scope("eu-west-1", "bedrock"), again
    )
    assert sent.headers["authorization"] == expected["authorization"]
    assert sent.headers["x-amz-security-token"] == "token"
    assert abs((datetime.now(UTC) - again).total_seconds()) < 60


def test_a_named_profile_outweighs_the_key_of_the_environment() -> None:
    env = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}
    assert key_in(env) == AwsKey("a", "s")
    assert key_in(env | {"AWS_PROFILE": "p"}) is None
    assert key_in({"AWS_ACCESS_KEY_ID": "a"}) is None


def test_no_credentials_of_aws_is_a_fault_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(UpstreamFault, match=r"batonpass\[aws\]|set AWS_PROFILE") as raised:
        asyncio.run(bedrock().outgoing(CARD, b'{"model":"m"}', {}, stream=False))
    assert (raised.value.model, raised.value.provider) == ("p/m", "p")


# --- Google ------------------------------------------------------------------------------------


def account(folder: Path, token_uri: str) -> Path:
    """A service account with a key of its own, whose tokens come from a loopback server."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "account.json"
    fields = {
        "type": "service_account", "project_id": "p-1", "private_key_id": "1", "private_key": pem.decode(),
        "client_email": "a@p-1.example", "token_uri": token_uri,
    }  # fmt: skip
    path.write_text(json.dumps(fields))
    return path


def token(name: str, seconds: int) -> list[Step]:
    body = json.dumps({"access_token": name, "expires_in": seconds, "token_type": "Bearer"}).encode()
    return http_answer(200, body)


ASKED = Outgoing("http://v", {}, b"", "v/m", "v")


@pytest.mark.parametrize(("seconds", "renewed"), [(3_600, 1), (60, 3)])
def test_a_token_of_google_is_kept_until_shortly_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, renewed: int
) -> None:
    pytest.importorskip("google.auth.transport.requests", reason="google-auth (extra gcp) is not installed")

    async def work() -> None:
        async with scripted(token("t-1", seconds)) as upstream:
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account(tmp_path, upstream.base_url + "/token")))
            one = GoogleToken()
            for _ in range(3):
                assert (await one.headers(ASKED))["authorization"] == "Bearer t-1"
            assert len(upstream.requests) == renewed

    asyncio.run(work())


def test_calls_that_come_together_wait_for_one_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("google.auth.transport.requests", reason="google-auth (extra gcp) is not installed")

    async def work() -> None:
        async with scripted(token("t-1", 3_600)) as upstream:
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account(tmp_path, upstream.base_url + "/token")))
            one = GoogleToken()
            found = await asyncio.gather(*(one.headers(ASKED) for _ in range(8)))
            assert {headers["authorization"] for headers in found} == {"Bearer t-1"}
            assert len(upstream.requests) == 1

    asyncio.run(work())


def test_vertex_carries_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("google.auth.transport.requests", reason="google-auth (extra gcp) is not installed")

    async def work() -> None:
        async with scripted(token("t-1", 3_600)) as upstream:
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account(tmp_path, upstream.base_url + "/token")))
            options = {"project": "p-1", "location": "global"}
            one = Provider("v", "https://v.example", ("gemini",), "google", kind="vertex", options=options)
            sent = await Endpoint(one, "gemini").outgoing(CARD, b"{}", {}, stream=False)
            assert sent.headers["authorization"] == "Bearer t-1"

    asyncio.run(work())


@pytest.mark.parametrize("text", ["{", '{"type":"x"}'])
def test_credentials_that_are_none_are_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    pytest.importorskip("google.auth", reason="google-auth (extra gcp) is not installed")
    path = tmp_path / "account.json"
    path.write_text(text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(UpstreamFault, match="provider 'v' cannot be asked without credentials of Google Cloud"):
        asyncio.run(GoogleToken().headers(ASKED))
