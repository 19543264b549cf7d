"""The API resource: what Backend, Tasks and Agents share: a configuration, connections, the raw client."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any, Self

from xpander_facade._hints import OPTIONS, check_options
from xpander_facade._process.imports import CALLS, OUTBOX, load
from xpander_facade._process.termination import watch_termination
from xpander_facade.configuration._configuration import Configuration
from xpander_facade.errors import ClientUnavailableError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Unpack

    from xpander_facade._client.raw_client import AuthenticatedClient
    from xpander_facade.configuration._options import ConfigurationOptions


class ApiResource:
    """A configuration with methods that call the platform.

    Cheap to make: equal configurations share their connections, which open at the first call. Safe to share between
    threads, and to use from several event loops and after a fork. `close()` or leaving a `with` block gives this
    object's share of the connections back; the last one closes them. A closed object can be used again.

    Args:
        configuration: What to call with; by default a new `Configuration()`, made from the environment now.
        options: Any argument of `Configuration`, by name, instead of a configuration or laid over it.

    Raises:
        ConfigurationError: A value is malformed.
        TypeError: There is no such option, or the configuration is none.
    """

    def __init__(self, configuration: Configuration | None = None, **options: Unpack[ConfigurationOptions]) -> None:
        configuration = check_configuration(configuration)
        if options:
            import attrs

            check_options(type(self).__name__, options, Configuration.__init__, OPTIONS)
            configuration = (
                Configuration(**options) if configuration is None else attrs.evolve(configuration, **options)
            )
        self.configuration = configuration or Configuration()
        if self.configuration.outbox is not None:
            # A server may have its handler already, and give its main thread no other occasion.
            watch_termination()

    def with_options(
        self, *, timeout: float | None = None, max_retries: int | None = None, deadline: float | None = None
    ) -> Self:
        """Return a shallow copy of this object with other limits; it shares the connections.

            patient = backend.with_options(timeout=60, max_retries=5)

        Args:
            timeout: Seconds that a call may wait for an answer.
            max_retries: How often a call that may be repeated is tried again.
            deadline: Seconds that a call may take with all its retries. A Lambda passes the time that it has left.
        """
        import attrs

        now = self.configuration
        changed = attrs.evolve(
            now,
            timeout=now.timeout if timeout is None else timeout,
            max_retries=now.max_retries if max_retries is None else max_retries,
            deadline=now.deadline if deadline is None else deadline,
        )
        # A subclass may be made with arguments of its own, or be a frozen dataclass.
        other = copy.copy(self)
        object.__setattr__(other, "configuration", changed)
        return other

    @property
    def api(self) -> AuthenticatedClient:
        """The generated client, configured, for an operation that has no method here.

        It has connections of its own, raises what httpx raises, and retries nothing.

        Raises:
            ClientUnavailableError: The key, or an organisation that the URL needs, is missing, or sending is disabled.
        """
        from xpander_facade import _client

        try:
            return _client.raw_client(self.configuration)
        except ConfigurationError as error:
            raise ClientUnavailableError(str(error)) from None

    def close(self) -> None:
        """Give back this object's share of the connections; the last share closes them.

        For example:

            backend.close()
        """
        from xpander_facade._transport import pool_registry

        pool_registry.release(self.configuration, self)

    async def aclose(self) -> None:
        """Give back this object's share of the connections; the last share closes them.

        For example:

            backend.close()
        """
        from xpander_facade._transport import pool_registry

        await pool_registry.arelease(self.configuration, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.configuration!r})"

    if not TYPE_CHECKING:  # a checker that saw this would believe in every name

        def __getattr__(self, name: str) -> object:
            from xpander_facade._hints import METHODS, unknown_name

            if hasattr(type(self), name):  # a property has raised an AttributeError, which says more
                return object.__getattribute__(self, name)
            hint = "" if name.startswith("_") else unknown_name(name, (), METHODS)
            text = f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
            raise AttributeError(text, name=name, obj=self)

    def _acquire(self, configuration: Configuration | None = None) -> Configuration:
        """Return what a call uses, and hold a share of the connections."""
        own = self.configuration
        chosen = own if configuration is None else check_configuration(configuration) or own
        load(*((CALLS,) if own.outbox is None else (CALLS, OUTBOX)))
        # This object's own, whatever the call uses: `close` gives back a share of that one.
        _acquirer()(own, self)
        return chosen


@functools.cache  # each call comes through here
def _acquirer() -> Callable[[Configuration, object], None]:
    from xpander_facade._transport.pool_registry import acquire

    return acquire


def check_configuration(value: Any) -> Configuration | None:
    """Return a configuration or None.

    Raises:
        TypeError: It is neither.
    """
    if value is None or isinstance(value, Configuration):
        return value
    hint = "pass it by name, as in Backend(api_key=...)" if isinstance(value, str) else "pass Configuration(...)"
    raise TypeError(f"configuration must be a Configuration, not {type(value).__name__}: {hint}")
