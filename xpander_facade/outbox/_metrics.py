"""The outbox's metrics for OpenTelemetry, in programs that use it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xpander_facade.errors import XpanderError
from xpander_facade.outbox._inspection import OutboxStatus, status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xpander_facade.outbox._store import Store

_CIRCUITS = {"closed": 0, "half-open": 1, "open": 2}
_Metric = tuple[str, str, str, Callable[[OutboxStatus], float]]
_GAUGES: tuple[_Metric, ...] = (
    ("waiting", "{report}", "Reports that wait to be sent, or are being sent", lambda one: one.waiting + one.sending),
    ("quarantined", "{report}", "Reports that the platform refused", lambda one: one.quarantined),
    ("oldest_age", "s", "Age of the oldest report", lambda one: one.oldest_age or 0.0),
    ("circuit", "1", "0 while sending, 1 while a report probes, 2 while down", lambda one: _CIRCUITS[one.circuit]),
)
_COUNTERS: tuple[_Metric, ...] = (
    ("sent", "{report}", "Reports that were sent since the file was made", lambda one: one.sent),
    ("dropped", "{report}", "Reports that were dropped for lack of room or for their age", lambda one: one.dropped),
)
_registered: list[object] = []


def register(stores: Callable[[], Iterable[Store]]) -> None:
    """Offer the metrics to OpenTelemetry, once, where the program has loaded its API. Nothing is imported for it.

    Args:
        stores: Gives the outboxes of this process at the time of each measurement.
    """
    # Looked up and not imported: a program that does not use OpenTelemetry must not pay for it.
    api: Any = sys.modules.get("opentelemetry.metrics")
    if api is None or _registered:
        return
    meter = api.get_meter("xpander_facade")
    for metrics, make in ((_GAUGES, meter.create_observable_gauge), (_COUNTERS, meter.create_observable_counter)):
        for name, unit, description, of in metrics:
            observe = _observing(api, stores, of)
            _registered.append(
                make(f"xpander_facade.outbox.{name}", callbacks=[observe], unit=unit, description=description)
            )


def _observing(
    api: Any, stores: Callable[[], Iterable[Store]], of: Callable[[OutboxStatus], float]
) -> Callable[[Any], list[Any]]:
    def observe(_: Any) -> list[Any]:
        observations: list[Any] = []
        for store in stores():
            try:
                value = of(status(store))
            except XpanderError:
                continue  # a file that can't be read now has no value now
            observations.append(api.Observation(value, {"xpander_facade.outbox.path": store.database.path}))
        return observations

    return observe
