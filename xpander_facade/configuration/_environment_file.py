"""The environment file: variables for a program, in the form of a `.env`."""

from __future__ import annotations

import logging
import os

from xpander_facade.errors import ConfigurationError


def load_environment_file(path: str) -> list[str]:
    """Set the variables of a file that the environment does not have yet, and return their names.

    A file is read only where it is named: one that lies in the working directory could lead a key to another platform.

    Args:
        path: The file, as python-dotenv reads it: `NAME=value` in lines, with quotes, comments, `export` and `${NAME}`.

    Raises:
        ConfigurationError: The file can't be read, or has a line that is not understood. Nothing was set.
    """
    import dotenv

    problems = _Problems()
    # python-dotenv only logs what it can't read, and a setting that is passed over in silence is looked for in vain.
    logger = logging.getLogger("dotenv.main")
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(problems)
    try:
        # Editors on Windows put a byte order mark before the first name.
        with open(path, encoding="utf-8-sig") as file:
            values = dotenv.dotenv_values(stream=file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigurationError(f"the environment file {path} can't be read: {reason}") from None
    finally:
        logger.removeHandler(problems)
        logger.propagate = propagates
    if problems.lines:
        lines = ", ".join(problems.lines)
        raise ConfigurationError(f"the environment file {path} is not understood at line {lines}: write NAME=value")
    new = {name: value for name, value in values.items() if value is not None and name not in os.environ}
    for name, value in new.items():
        try:
            os.environ[name] = value
        except ValueError as error:  # a zero character
            raise ConfigurationError(f"{name} in the environment file {path} can't be set: {error}") from None
    return list(new)


class _Problems(logging.Handler):
    """What python-dotenv has to say of lines that it does not understand, which it passes over."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.lines.append(", ".join(map(str, arguments)) or record.getMessage())
