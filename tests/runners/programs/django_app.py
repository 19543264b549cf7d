"""A Django project of one file, as users write them, served by ASGI and by WSGI."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from xpander_facade.integrations.asgi import FlushMiddleware
from xpander_facade.integrations.django import get_backend

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["xpander_facade.integrations.django.XpanderConfig"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a key for tests",
    USE_TZ=True,
    XPANDER={"agent_id": "agent-1", "outbox": os.environ["XPANDER_OUTBOX"]},
)


def answer(request: HttpRequest, question: str) -> HttpResponse:
    with get_backend().external_task(id=question, input=question) as run:
        run.result = question.upper()
    return HttpResponse(run.result)


urlpatterns = [path("<str:question>", answer)]
django.setup()
wsgi = get_wsgi_application()
asgi = FlushMiddleware(get_asgi_application(), backend=get_backend())
