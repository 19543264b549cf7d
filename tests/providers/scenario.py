"""The small run that every framework's agent makes: it looks an invoice up, then answers."""

from __future__ import annotations

import pydantic
from loopback import Call, Say

FOUND = "May"
ANSWER = "Due in May."
NESTED_ANSWER = "It is due in May."
STRUCTURED = {"month": "May", "amount": 3}
LOOK_UP = Call("find_invoice", {"number": "A1"})
ONE_TURN = (LOOK_UP, Say(ANSWER))


class Due(pydantic.BaseModel):
    """When an invoice is due."""

    month: str
    amount: int
