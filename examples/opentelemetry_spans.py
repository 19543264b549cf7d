"""Runs out of the spans of a framework, over a local platform. Needs `xpander-facade[opentelemetry,emulator]`.

python examples/opentelemetry_spans.py
"""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from xpander_facade import Backend, Configuration
from xpander_facade.integrations.opentelemetry import RunSpanProcessor


def ask_agent(tracer: trace.Tracer, question: str) -> str:
    """Stand in for an instrumented framework: an agent's span, and one for each of its two model calls."""
    with tracer.start_as_current_span("invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent"}) as agent:
        for prompt, completion in ((900, 60), (1_000, 40)):
            with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as call:
                call.set_attribute("gen_ai.response.model", "gpt-5-mini")
                call.set_attribute("gen_ai.usage.input_tokens", prompt)
                call.set_attribute("gen_ai.usage.output_tokens", completion)
        answer = f"{question}: the printer is on fire"
        agent.set_attribute("final_result", answer)
    return answer


def main() -> None:
    """Record one run with a block and one without, and show what the platform has of them."""
    from xpander_facade.emulator import Emulator

    with Emulator() as platform, Backend(Configuration("key", "org", platform.url, "helpdesk")) as backend:
        provider = TracerProvider()
        provider.add_span_processor(RunSpanProcessor(backend))
        tracer = provider.get_tracer("stands-for-a-framework")
        with backend.external_task(id="ticket-7", input="ticket 7"):
            ask_agent(tracer, "ticket 7")
        ask_agent(tracer, "ticket 8")  # no block: the agent's span is a run of its own
        provider.force_flush()
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
