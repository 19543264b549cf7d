"""Type-checked, never run: each line must give exactly the errors that its comment lists, of mypy and of pyright."""
# ruff: noqa
# fmt: off

from xpander_facade import AgentExecutionStatus, Backend, Configuration, Task, Tasks, Tokens, on_task
from xpander_facade import Nothing  # errors: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownVariableType, reportUnusedImport]

backend = Backend()
tasks = Tasks()
task = tasks.get("t")

backend.report_external_task(agent_id=5)  # errors: mypy[arg-type] pyright[reportArgumentType]
backend.report_external_task(inptu="x")  # errors: mypy[call-arg] pyright[reportCallIssue]
backend.report_external_task(used_tools=5)  # errors: mypy[arg-type] pyright[reportArgumentType]
backend.report_external_task(duration="4")  # errors: mypy[arg-type] pyright[reportArgumentType]
backend.report_external_task(tokens=5)  # errors: mypy[arg-type] pyright[reportArgumentType]
backend.report_external_task(is_success=None)  # errors: mypy[arg-type] pyright[reportArgumentType]
tasks.create("a", "a prompt that lands nowhere")  # errors: mypy[call-arg] pyright[reportCallIssue]
tasks.create("a", promt="x")  # errors: mypy[call-arg] pyright[reportCallIssue]
tasks.create("a", file_urls=5)  # errors: mypy[arg-type] pyright[reportArgumentType]
tasks.create("a", mcp_servers=["url"])  # errors: mypy[list-item] pyright[reportArgumentType]
tasks.get()  # errors: mypy[call-arg] pyright[reportCallIssue]
tasks.update("t", AgentExecutionStatus.Completed)  # errors: mypy[arg-type] pyright[reportArgumentType]
tasks.list("a", filters=["status"])  # errors: mypy[arg-type] pyright[reportArgumentType]
task.save(False, True)  # errors: mypy[call-arg] pyright[reportCallIssue]
task.reslut = "typo"  # errors: mypy[attr-defined] pyright[reportAttributeAccessIssue]
task.result = 5  # errors: mypy[assignment] pyright[reportAttributeAccessIssue]
task.result.upper()  # errors: mypy[union-attr] pyright[reportOptionalMemberAccess]
task.tokens.total_tokens  # errors: mypy[union-attr] pyright[reportOptionalMemberAccess]
task.status.valeu  # errors: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
Tokens(promt_tokens=1)  # errors: mypy[call-arg] pyright[reportCallIssue]
Tokens("1")  # errors: mypy[arg-type] pyright[reportArgumentType]
Tokens().total_tokens = 5  # errors: mypy[misc] pyright[reportAttributeAccessIssue]
Configuration(timeout="3")  # errors: mypy[arg-type] pyright[reportArgumentType]
Configuration(key="k")  # errors: mypy[call-arg] pyright[reportCallIssue]
Configuration().api_key = "k"  # errors: mypy[misc] pyright[reportAttributeAccessIssue]
for event in task.aevents():  # errors: mypy[attr-defined] pyright[reportGeneralTypeIssues, reportUnknownVariableType]
    print(event)  # errors: pyright[reportUnknownArgumentType]


async def forgets_to_wait() -> None:
    (await task.areload()).reslut  # errors: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
    task.areload()  # errors: mypy[unused-coroutine] pyright[reportUnusedCoroutine]
    task.asave().result  # errors: mypy[attr-defined] pyright[reportAttributeAccessIssue, reportUnknownMemberType]
    async for event in task.events():  # errors: mypy[attr-defined] pyright[reportGeneralTypeIssues, reportUnknownVariableType]
        print(event)  # errors: pyright[reportUnknownArgumentType]
@on_task  # errors: mypy[type-var] pyright[reportArgumentType]
def counting(task: Task) -> int:
    return 5
on_task(concurency=5)  # errors: mypy[call-overload] pyright[reportCallIssue]
task.push_events(["chunk"])  # errors: mypy[list-item] pyright[reportArgumentType]


@backend.external_task()
def summarize(text: str) -> str:
    return text


summarize(5)  # errors: mypy[arg-type] pyright[reportArgumentType]
summarize("text") + 5  # errors: mypy[operator] pyright[reportOperatorIssue, reportUnusedExpression]
backend.external_task("a", None, None, None, True)  # errors: mypy[call-arg] pyright[reportCallIssue]
backend.external_task(strct=True)  # errors: mypy[call-arg] pyright[reportCallIssue]
with backend.external_task() as run:
    run.reslut = "typo"  # errors: mypy[attr-defined] pyright[reportAttributeAccessIssue]
    run.result = 5  # errors: mypy[assignment] pyright[reportAttributeAccessIssue]
    run.id = "x"  # errors: mypy[misc] pyright[reportAttributeAccessIssue]
