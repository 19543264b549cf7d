"""Proxies of the environment, and the hosts that NO_PROXY excepts from them."""

from __future__ import annotations

import contextlib
import ipaddress


def environment_proxy(scheme: str, host: str, port: int) -> str | None:
    """Return the URL of the proxy that the environment names for a host, or None.

    Args:
        scheme: "http" or "https".
        host: A name, or an address without brackets.
        port: The port.
    """
    import urllib.request  # late: it costs as much as a whole call

    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy:
        return None
    if is_excepted(proxies.get("no", ""), host, port):
        return None
    # Where the variables name no proxy, these are the settings of macOS or Windows, with exceptions of their own.
    if not urllib.request.getproxies_environment() and urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    return with_scheme(proxy)


def with_scheme(proxy: str) -> str:
    """Return the URL of a proxy with its scheme, "http" where it has none, in lower case."""
    scheme, mark, rest = proxy.strip().partition("://")
    return f"{scheme.lower()}{mark}{rest}" if mark else f"http://{scheme}"


def is_excepted(no_proxy: str, host: str, port: int) -> bool:
    """Whether NO_PROXY excepts a host.

    It takes what curl, Go, wget and requests take: names (with their subdomains), `.corp.test` and `*.corp.test`,
    addresses, with or without brackets, networks such as `10.0.0.0/8`, a port behind each of them, and `*` for all.

    Args:
        no_proxy: The value of the variable: entries between commas or white space.
        host: A name, or an address without brackets.
        port: The port.
    """
    host = host.strip("[]").partition("%")[0].rstrip(".").lower()
    address = _address(host)
    return any(_matches(entry.lower(), host, address, port) for entry in no_proxy.replace(",", " ").split())


def _matches(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int) -> bool:
    if entry == "*":
        return True
    name, entry_port = _split_port(entry)
    if entry_port is not None and entry_port != port:
        return False
    # A name in NO_PROXY is never compared with an address: that would need a look-up.
    if address is not None:
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(name, strict=False)
            mapped = getattr(address, "ipv4_mapped", None)
            return address in network or (mapped is not None and mapped in network)
        return False
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    """Return an entry without brackets and port, and its port."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        # Both [fd00::]/8 and [fd00::1]:8080 are written.
        if rest.startswith("/"):
            return f"{name}{rest}", None
        port = rest.removeprefix(":")
    else:
        name, mark, port = entry.rpartition(":")
        if not mark or ":" in name:  # no port, or an address of IPv6
            return entry, None
    return name, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
