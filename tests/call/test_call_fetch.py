"""An address that a caller names leads to a public host or nowhere: over real sockets, with our own look-ups."""

import asyncio
import gzip
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.call.addresses import AddressRefused, problem_of, refuse_private
from baton.call.fetch import Asked, Fetched, Guard, Image, ask, fetch_images
from baton.testing.upstream import ScriptedUpstream, Step, http_answer, scripted
from baton.types.errors import MediaRefused

PNG = b"\x89PNG\r\n\x1a\n"
PUBLIC = "93.184.215.14"


class Resolver:
    """Answers from a list, one look-up after the other, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> list[str]:
        self.asked.append(host)
        return list(self.answers[min(len(self.asked), len(self.answers)) - 1])


def fetched(
    url: str,
    script: Sequence[Step] = (),
    *,
    resolver: Resolver | None = None,
    allow_private: bool = True,
    allow_hosts: tuple[str, ...] = (),
    asked: Asked | None = None,
) -> tuple[Fetched, ScriptedUpstream]:
    """`PORT` in the address is that of a real server on loopback."""

    async def main() -> tuple[Fetched, ScriptedUpstream]:
        async with scripted(script or http_answer(200, PNG, "image/png")) as upstream:
            port = upstream.base_url.split(":")[2].removesuffix("/v1")
            guard = Guard(allow_hosts, allow_private, resolver or Resolver(["127.0.0.1"]))
            wanted = asked or Asked("", max_bytes=1_000, timeout_s=2.0)
            one = Asked(
                url.replace("PORT", port),
                wanted.method,
                wanted.headers,
                wanted.body,
                wanted.max_bytes,
                wanted.timeout_s,
            )
            try:
                return await ask(one, guard), upstream
            finally:
                Seen.requests = list(upstream.requests)

    return asyncio.run(main())


class Seen:
    requests: ClassVar[list[object]] = []


# --- addresses -----------------------------------------------------------------------------------

PRIVATE = [
    "127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.1.1", "169.254.169.254", "169.254.170.2", "192.0.0.192", "198.18.0.1", "192.0.2.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200", "::1", "::", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "", "x", "127.1",
    "2130706433", "0x7f000001", "0177.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert problem_of(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "2002:101:101::"])
def test_a_public_address_may_be_asked(address: str) -> None:
    assert problem_of(address) == ""


@given(st.ip_addresses(v=4))
def test_no_form_of_an_address_in_ipv6_hides_a_private_one(address: IPv4Address) -> None:
    number = int(address)
    forms = [
        f"::ffff:{address}",
        f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::",
    ]
    for form in forms:
        assert bool(problem_of(str(address))) <= bool(problem_of(form)), ip_address(form)


def test_one_private_address_among_public_ones_is_a_trap() -> None:
    with pytest.raises(AddressRefused):
        refuse_private([PUBLIC, "10.0.0.1"])


# --- asking --------------------------------------------------------------------------------------


def test_the_host_is_kept_and_looked_up_once() -> None:
    resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
    found, upstream = fetched("http://images.example:PORT/a.png?b=c", resolver=resolver)
    assert (found.status, found.content_type, found.body) == (200, "image/png", PNG)
    assert resolver.asked == ["images.example"]
    [request] = upstream.requests
    assert request.headers["host"].startswith("images.example:")
    assert (request.path, request.method) == ("/a.png?b=c", "GET")
    assert request.headers["accept-encoding"] == "identity"


def test_a_name_that_changes_its_address_leads_to_the_one_that_was_checked() -> None:
    resolver = Resolver([PUBLIC], ["127.0.0.1"])
    with pytest.raises(Exception, match="only loopback is allowed"):  # it went to the public one
        fetched("http://rebind.example:PORT/", resolver=resolver, allow_private=False)
    assert resolver.asked == ["rebind.example"]
    assert Seen.requests == []


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"]]
)
def test_a_name_of_a_private_address_is_not_asked(answer: list[str]) -> None:
    with pytest.raises(AddressRefused, match=r"address|metadata"):
        fetched("http://innocent.example:PORT/", resolver=Resolver(answer), allow_private=False)
    assert Seen.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:PORT/", "http://[::1]:PORT/", "http://[::ffff:127.0.0.1]:PORT/", "http://127.0.0.1.:PORT/",
        "http://169.254.169.254/latest/meta-data", "http://0:PORT/", "http://0.0.0.0:PORT/",
    ],
)  # fmt: skip
def test_a_private_address_written_out_is_not_asked(url: str) -> None:
    with pytest.raises((AddressRefused, OSError)):
        fetched(url, allow_private=False, resolver=Resolver(["127.0.0.1"]))
    assert Seen.requests == []


@pytest.mark.parametrize(
    "url", ["http://2130706433:PORT/", "http://0x7f.1:PORT/", "http://0177.0.0.1:PORT/", "http://127.1:PORT/"]
)
def test_odd_ways_to_write_an_address_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        fetched(url, allow_private=False)
    assert Seen.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://images.example/", "gopher://images.example:PORT/", "//images.example:PORT/", "",
        "http://", "http://user:pass@images.example:PORT/", "http://images.example:99999/", "http://[::1", "x" * 5_000,
        "data:image/png;base64,AA==", "http://\r\nx: y/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises((AddressRefused, OSError)):
        fetched(url)
    assert Seen.requests == []


def test_a_line_break_in_an_address_smuggles_nothing() -> None:
    _, upstream = fetched("http://images.example:PORT/a\r\nx-evil: 1")
    assert "x-evil" not in upstream.requests[0].headers


@pytest.mark.parametrize(
    ("url", "allowed", "may"),
    [
        ("http://images.example:PORT/", ("images.example",), True),
        ("http://IMAGES.example.:PORT/", ("images.example",), True),
        ("http://a.images.example:PORT/", ("images.example",), False),
        ("http://a.images.example:PORT/", ("*.images.example",), True),
        ("http://evilimages.example:PORT/", ("*.images.example",), False),
        ("http://images.example.evil.example:PORT/", ("images.example",), False),
    ],
)
def test_only_hosts_that_are_allowed_are_asked(url: str, allowed: tuple[str, ...], may: bool) -> None:
    if may:
        assert fetched(url, allow_hosts=allowed)[0].status == 200
    else:
        with pytest.raises(AddressRefused, match="allow_hosts"):
            fetched(url, allow_hosts=allowed)
        assert Seen.requests == []


def test_a_redirect_is_told_and_not_followed() -> None:
    script = http_answer(302, b"", "text/plain", "location: http://127.0.0.1:1/secret")
    found, upstream = fetched("http://images.example:PORT/", script)
    assert found.status == 302
    assert len(upstream.requests) == 1


def test_a_body_beyond_the_limit_and_a_compressed_one_are_not_read() -> None:
    with pytest.raises(AddressRefused, match="more than 1000 bytes"):
        fetched("http://images.example:PORT/", http_answer(200, bytes(1_001), "image/png"))
    bomb = http_answer(200, gzip.compress(bytes(10_000_000))[:900], "image/png", "content-encoding: gzip")
    with pytest.raises(AddressRefused, match="compressed"):
        fetched("http://images.example:PORT/", bomb)


def test_a_server_that_is_silent_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        fetched("http://images.example:PORT/", [30.0], asked=Asked("", timeout_s=0.2))


def test_a_host_without_an_address_is_a_failure_of_the_network() -> None:
    with pytest.raises(OSError, match="Error"):
        fetched("http://images.example:PORT/", resolver=Resolver([]))


# --- images --------------------------------------------------------------------------------------


def images(script: Sequence[Step], guard: Guard | None = None) -> dict[str, Image]:
    async def main() -> dict[str, Image]:
        async with scripted(script) as upstream:
            url = upstream.base_url.replace("127.0.0.1", "images.example") + "/a.png"
            found = await fetch_images([url], guard or Guard((), True, Resolver(["127.0.0.1"])), 1_000, 2.0)
            return {"it": found[url]}

    return asyncio.run(main())


def test_an_image_comes_with_its_type() -> None:
    assert images(http_answer(200, PNG, "image/png; charset=x")) == {"it": Image("image/png", PNG)}


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (http_answer(404, b"", "image/png"), "answered 404"),
        (http_answer(302, b"", "image/png", "location: /b"), "answered 302"),
        (http_answer(200, b"<html>", "text/html"), "is no image: its server calls it 'text/html'"),
        (http_answer(200, b"", "image/png"), "is no image"),
        (http_answer(200, bytes(2_000), "image/png"), "it answers more than 1000 bytes"),
        ([b"nonsense\r\n\r\n"], "could not be fetched"),
    ],
)
def test_what_is_no_image_is_refused_with_its_reason(script: Sequence[Step], says: str) -> None:
    with pytest.raises(MediaRefused, match=says) as caught:
        images(script)
    assert caught.value.status == 400


def test_the_caller_is_not_told_where_a_private_name_leads() -> None:
    with pytest.raises(MediaRefused, match="it is a private address") as caught:
        images(http_answer(200, PNG, "image/png"), Guard((), False, Resolver(["10.1.2.3"])))
    assert "10.1.2.3" not in caught.value.message
