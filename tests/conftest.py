"""The network outside loopback is off in every test: a socket that would leave this machine raises instead."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# How long one example takes says more about the machine than about the code; a whole test has its timeout.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

LOCAL_NAMES = {"localhost", ""}


class NetworkIsOff(RuntimeError):
    pass


def refuse_unless_local(address: Any) -> None:
    if not isinstance(address, tuple):  # a Unix socket
        return
    host = str(address[0])
    try:
        local = host in LOCAL_NAMES or ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NetworkIsOff(f"a test tried to reach {host!r}: only loopback is allowed in tests")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse_unless_local(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_unless_local(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    yield
