"""What the tests of the span processor share."""

import pytest
from opentelemetry.sdk.trace import TracerProvider

from xpander_facade import Backend, Configuration


@pytest.fixture
def backend():
    return Backend(Configuration(disabled=True, agent_id="agent-1"))


@pytest.fixture
def make_provider():
    made = []

    def make(*processors, **options):
        provider = TracerProvider(**options)
        for processor in processors:
            provider.add_span_processor(processor)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.shutdown()
