"""Which addresses may be asked on behalf of somebody else: public ones, looked up once and connected to as checked."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""`(host, port)` -> all addresses of the host. Raises OSError."""

METADATA = frozenset(
    {
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200",
        "192.0.0.192", "168.63.129.16",
    }
)  # fmt: skip
"""Where clouds tell credentials; one of them is a public address."""
_HOLDERS = (
    ipaddress.ip_network("64:ff9b::/96"),  # NAT64
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("::/96"),  # compatible, long out of use
)


class AddressRefused(ValueError):
    """Says what is wrong with the address, without saying what it is."""


async def system_resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def refuse_private(addresses: Iterable[str]) -> None:
    """Raises AddressRefused when one of them is not public: a name that has both is a trap."""
    for text in addresses:
        if why := problem_of(text):
            raise AddressRefused(why)


def problem_of(text: str) -> str:
    """Why this address may not be asked, empty when it may."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "is no address"
    return next((why for one in (address, *_inside(address)) if (why := _problem(one))), "")


def _problem(address: Address) -> str:
    if str(address) in METADATA:
        return "is a metadata service"
    for is_it, what in (
        (address.is_loopback, "is a loopback address"),
        (address.is_link_local, "is a link-local address"),
        (address.is_multicast, "is a multicast address"),
        (address.is_unspecified, "is no address of a host"),
        (address.is_reserved, "is a reserved address"),
        (not address.is_global, "is a private address"),
    ):
        if is_it:
            return what
    return ""


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in holder for holder in _HOLDERS):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
