"""The file that a user puts into Airflow's folder of plugins."""

from __future__ import annotations

from xpander_facade import Backend
from xpander_facade.integrations.airflow import make_plugin

Recording = make_plugin(
    Backend(), tasks=[f"invoices.{name}" for name in ("named", "flaky", "failing", "slow", "mapped", "skipped")]
)
