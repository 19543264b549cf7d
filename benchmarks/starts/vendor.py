from xpander_sdk import Backend, Tokens

task = Backend().report_external_task(
    id="run-1",
    input="Which tickets are urgent?",
    result="Three are.",
    tokens=Tokens(prompt_tokens=812, completion_tokens=164),
    duration=2.75,
)
assert task.id
