"""The misbehaving server behind TLS, with a certificate that nothing but these tests trusts.

The certificates are files of the repository, so that no test needs a program or a package to make them. They are for
`platform.test` and 127.0.0.1, and valid until 2120.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from misbehaving import Misbehaving

if TYPE_CHECKING:
    from misbehaving import Connection

NAME = "platform.test"
AUTHORITY = Path(__file__).parent / "certificates" / "authority.pem"
AUTHORITY_HASH = "956f8d15"
"""What OpenSSL calls the authority in a folder of certificates: this, and `.0`."""
_SERVER = AUTHORITY.with_name("server.pem")

if not _SERVER.exists():
    reason = "the source distribution comes without the key of the TLS tests: run them in a clone of the repository"
    pytest.skip(reason, allow_module_level=True)


def server_context() -> ssl.SSLContext:
    """Return what a server needs to be platform.test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_SERVER)
    return context


class Secure(Misbehaving):
    """A misbehaving server that speaks TLS.

    Attributes:
        refusals: The handshakes that failed, and why.
        asked: The names that clients asked for; None where they named none.
    """

    def __init__(self, *scripts: Any, otherwise: Any = None, port: int = 0) -> None:
        super().__init__(*scripts, otherwise=otherwise, port=port)
        self.refusals: list[str] = []
        self.asked: list[str | None] = []
        self._context = server_context()
        self._context.sni_callback = lambda _, name, __: self.asked.append(name)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _serve(self, connection: Connection) -> None:
        try:
            wrapped = self._context.wrap_socket(connection.socket, server_side=True, do_handshake_on_connect=False)
            connection.socket = wrapped
            wrapped.do_handshake()
        except OSError as error:
            self.refusals.append(str(error))
            with connection.socket:
                connection.left.set()
            with self._changed:
                self._changed.notify_all()
            return
        super()._serve(connection)


def resolve(monkeypatch: Any, names: dict[str, str]) -> list[str]:
    """Let these names, and no others but addresses, lead somewhere; return the names that are looked up from now on."""
    real = socket.getaddrinfo
    looked_up: list[str] = []

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        try:
            socket.inet_pton(socket.AF_INET, name)
        except (OSError, TypeError):
            looked_up.append(name)
            if name not in names:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
        return real(names.get(name, name), *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looked_up
