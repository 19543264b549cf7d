"""Addresses: which of them are public."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xpander_facade._transport.resolving import Address

# Not global in the IANA registries, and 168.63.129.16, which serves Azure's machines their secrets.
# Python's own `is_global` says different things of some networks from one release to the next.
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


def addresses_of(found: list[Address]) -> list[str]:
    """Return the addresses of a host as texts, in the order in which to try them."""
    return list(dict.fromkeys(str(entry[1][0]) for entry in found))
