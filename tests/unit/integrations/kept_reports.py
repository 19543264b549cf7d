"""A backend that keeps reports instead of sending them."""

from types import SimpleNamespace


class Reports:
    def __init__(self):
        self.configuration = SimpleNamespace(outbox=None)
        self.kept = []

    def report_external_task(self, **report):
        self.kept.append(report)
