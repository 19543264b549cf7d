"""A Django project of one file that records its answers, over a local platform. Needs the extras django, emulator.

python examples/runners/django_project.py
"""

import django
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from xpander_facade import Tokens
from xpander_facade.emulator import Emulator
from xpander_facade.integrations.django import get_backend


def summarise(request, ticket: str) -> HttpResponse:
    """Summarise a ticket."""
    with get_backend().external_task(input=ticket) as run:
        run.tokens = Tokens(prompt_tokens=1800, completion_tokens=180)
        run.result = f"{ticket}: the printer is on fire"
    return HttpResponse(run.result)


urlpatterns = [path("<str:ticket>", summarise)]


def main() -> None:
    """Start a local platform, ask the project once, and show what the platform has of it."""
    with Emulator() as platform:
        settings.configure(
            ALLOWED_HOSTS=["testserver"],
            INSTALLED_APPS=["xpander_facade.integrations.django.XpanderConfig"],
            ROOT_URLCONF=__name__,
            SECRET_KEY="not a secret",
            XPANDER={
                "base_url": platform.url,
                "api_key": "key",
                "organization_id": "org",
                "agent_id": "helpdesk",
            },
        )
        django.setup()
        print(Client().get("/ticket 7").content.decode())
        for run in platform.tasks():
            print(run["status"], run["result"], run["tokens"]["total_tokens"], "tokens")


if __name__ == "__main__":
    main()
