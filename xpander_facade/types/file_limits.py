"""What the files of a task may cost."""

from __future__ import annotations

import functools

import attrs

from xpander_facade import _validation


def _positive(instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    object.__setattr__(instance, attribute.name, _validation.number_of_seconds(attribute.name, value))


def _whole(least: int, instance: object, attribute: attrs.Attribute[int], value: int) -> None:
    object.__setattr__(instance, attribute.name, _validation.whole_number(attribute.name, value, at_least=least))


@attrs.frozen(kw_only=True)
class FileLimits:
    """How much a task's files may cost when they are read.

        limits = FileLimits(max_total_bytes=1_000_000)
        print(task.to_message(limits=limits))

    Args:
        timeout: Seconds that one file may take, with its redirects.
        total_timeout: Seconds that all files may take together; by default twice `timeout`. Once they are over no
            further file is fetched.
        max_bytes: Bytes that one file may have; a larger one is not read at all.
        concurrency: Files that are read at once.
        max_redirects: Redirects that one file may take.
        max_files: Files that are read; those after them are not.
        max_total_bytes: Bytes that the texts of all files may have together, as UTF-8. They are counted in order; a
            file that does not fit is left out, and once nothing more fits no further one is fetched. What came of a
            file that could not be read counts too.

    Raises:
        ValueError: A limit is not a positive number.
    """

    timeout: float = attrs.field(default=15.0, validator=_positive)
    total_timeout: float | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    max_bytes: int = attrs.field(default=5_000_000, validator=functools.partial(_whole, 1))
    concurrency: int = attrs.field(default=8, validator=functools.partial(_whole, 1))
    max_redirects: int = attrs.field(default=5, validator=functools.partial(_whole, 0))
    max_files: int = attrs.field(default=100, validator=functools.partial(_whole, 0))
    max_total_bytes: int = attrs.field(default=20_000_000, validator=functools.partial(_whole, 1))

    @property
    def longest(self) -> float:
        """Seconds that all files may take together."""
        return 2 * self.timeout if self.total_timeout is None else self.total_timeout
