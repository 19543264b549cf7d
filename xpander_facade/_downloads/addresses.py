"""Addresses: which of them are public, and the resolution of host names."""

from __future__ import annotations

import concurrent.futures
import ipaddress
import socket
import threading

# Not global in the IANA registries, and 168.63.129.16, which serves Azure's machines their secrets.
_SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ]
)
# IANA has allocated only 2000::/3 of IPv6. Teredo and 6to4, which wrap IPv4 addresses, are excluded.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    ipaddress.IPv6Network(network) for network in ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet; a wrapped IPv4 address counts as what it is.

    Not public are loopback, private, shared, link-local, multicast, reserved, documentation and metadata addresses.

    Args:
        address: An IPv4 or IPv6 address, perhaps with a zone.

    Raises:
        ValueError: It is not an address.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        else:
            return found in _GLOBAL_V6 and not any(found in network for network in _SPECIAL_V6)
    return not any(found in network for network in _SPECIAL_V4)


def resolve_host(host: bytes, port: int) -> concurrent.futures.Future[list[str]]:
    """Resolve a host in the background; the future gives its addresses in the order in which to try them."""
    # A resolution can't be cancelled. In a daemon thread it delays neither a thread pool nor the end of the process.
    future: concurrent.futures.Future[list[str]] = concurrent.futures.Future()
    threading.Thread(target=_resolve, args=(host, port, future), name="xpander-lookup", daemon=True).start()
    return future


def _resolve(host: bytes, port: int, future: concurrent.futures.Future[list[str]]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        future.set_result(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
    except Exception as error:
        future.set_exception(error)
