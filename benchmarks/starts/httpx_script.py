import os

import httpx

url = f"{os.environ['XPANDER_BASE_URL']}/agent-execution/{os.environ['XPANDER_AGENT_ID']}/report_task"
report = {"id": "run-1", "input": "Which tickets are urgent?", "result": "Three are.", "duration": 2.75}
answer = httpx.post(url, json=report, headers={"x-api-key": os.environ["XPANDER_API_KEY"]})
assert answer.raise_for_status().json()["id"]
