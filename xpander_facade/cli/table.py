"""Tables: aligned columns on a terminal as wide as it is, a line with tabs for each row anywhere else.

Where a terminal is too narrow for the columns that matter, each row becomes a few lines of its own. No id is ever cut,
since ids are there to be copied.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import attrs

from xpander_facade.cli.output import format_value, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence  # noqa: TC004 (annotations only)

    from rich.console import RenderableType
    from rich.text import Text

_GAP = 2
_MIN_FLEXIBLE = 16
# Wider than any row; rich wants a number.
_UNBOUNDED = 1_000_000

STATUS_STYLES = {
    "completed": "green",
    "executing": "cyan",
    "pending": "yellow",
    "paused": "yellow",
    "failed": "red",
    "error": "red",
    "stopped": "magenta",
    "quarantined": "red",
}


@attrs.frozen
class Column:
    """A column of a table.

    Args:
        title: What its head says.
        shown: What makes a cell on a terminal of a value.
        unit: What stands behind a value where there is no head above it.
        is_number: Its cells are aligned to the right.
        is_optional: It is left out where there is no room for it.
        overflow: What becomes of a cell that is too long: None where cells are never too long, since the column is as
            wide as they are; such a column is "cut" to one line, or "folded" to several.
        styles: The style of a cell by its text.
    """

    title: str
    shown: Callable[[Any], str] = format_value
    unit: str = ""
    is_number: bool = False
    is_optional: bool = False
    overflow: Literal["cut", "folded"] | None = None
    styles: Mapping[str, str] = attrs.field(factory=dict[str, str])

    def cell(self, value: object) -> str:
        """Return a value as its cell on a terminal."""
        return one_line(self.shown(value))


@attrs.frozen
class Layout:
    """How the columns fit into a width.

    Args:
        width: The width of the terminal, in cells.
        widths: The width of each column; 0 for one that is left out.
        is_stacked: Whether each row is a few lines of its own, because the columns do not fit.
        empty: The columns that are left out because no cell of theirs says anything.
    """

    width: int
    widths: tuple[int, ...]
    is_stacked: bool = False
    empty: frozenset[int] = frozenset()

    def holds(self, rows: Iterable[Sequence[str]], columns: Sequence[Column]) -> bool:
        """Whether rows of cells fit, none is too long where none may be, and none is in a column that is left out."""
        from rich.cells import cell_len

        if self.is_stacked:
            return True
        bounded = [(i, self.widths[i]) for i, column in enumerate(columns) if column.overflow is None]
        return all(
            all(not width or cell_len(row[i]) <= width for i, width in bounded) and not any(row[i] for i in self.empty)
            for row in rows
        )


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Layout:
    """Return how rows of cells fit into a width."""
    from rich.cells import cell_len

    empty = frozenset(i for i, one in enumerate(columns) if one.is_optional and not any(row[i] for row in rows))
    natural = [max([cell_len(column.title), *(cell_len(row[i]) for row in rows)]) for i, column in enumerate(columns)]
    widths = [0] * len(columns)
    room = width + _GAP
    for i, column in enumerate(columns):
        if column.overflow is None and not column.is_optional:
            widths[i] = natural[i]
            room -= natural[i] + _GAP
    if room < 0:
        return Layout(width, tuple(widths), is_stacked=True, empty=empty)
    for i, column in enumerate(columns):
        is_candidate = column.overflow is None and column.is_optional and i not in empty
        if is_candidate and natural[i] + _GAP <= room:
            widths[i] = natural[i]
            room -= natural[i] + _GAP
    flexible = [i for i, column in enumerate(columns) if column.overflow is not None and i not in empty]
    needed = sum(not columns[i].is_optional for i in flexible) * (_MIN_FLEXIBLE + _GAP)
    if room < needed:
        return Layout(width, tuple(widths), is_stacked=True, empty=empty)
    # From the last, so that the column that tells most gets its part first; the others share what is left.
    for left, i in zip(range(len(flexible), 0, -1), reversed(flexible), strict=True):
        share = max(room // left if left > 1 else room, min(room, _MIN_FLEXIBLE * 2 + _GAP))
        least = min(natural[i], _MIN_FLEXIBLE)
        if share - _GAP >= least:
            widths[i] = min(natural[i], share - _GAP)
            room -= widths[i] + _GAP
    return Layout(width, tuple(widths), empty=empty)


def render(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], layout: Layout, *, has_head: bool = True
) -> RenderableType:
    """Return rows of cells in a layout, for a console."""
    if layout.is_stacked:
        return _stacked(columns, rows, layout.width)
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=has_head, header_style="bold", show_edge=False
    )
    shown = [i for i, width in enumerate(layout.widths) if width]
    for i in shown:
        column = columns[i]
        table.add_column(
            column.title,
            width=layout.widths[i],
            justify="right" if column.is_number else "left",
            no_wrap=column.overflow != "folded",
            overflow="fold" if column.overflow == "folded" else "ellipsis",
        )
    for row in rows:
        table.add_row(*(_styled(columns[i], row[i]) for i in shown))
    return table


def _styled(column: Column, cell: str) -> Text:
    from rich.text import Text

    return Text(cell, style=column.styles.get(cell, ""))


def _stacked(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> RenderableType:
    """Return each row as lines of its own: what it is named by, then its cells as they fit, then its texts."""
    from rich.cells import cell_len
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    for row in rows:
        lines.append(Text(row[0], style="bold", overflow="fold"))
        line = Text()
        for column, cell in list(zip(columns, row, strict=True))[1:]:
            if not cell or column.overflow is not None:
                continue
            text = f"{cell}{column.unit}"
            if line and cell_len(line.plain) + _GAP + cell_len(text) > width - _GAP:
                lines.append(Padding(line, (0, 0, 0, _GAP)))
                line = Text()
            line.append(" " * _GAP if line else "").append(text, style=column.styles.get(cell, ""))
        if line:
            lines.append(Padding(line, (0, 0, 0, _GAP)))
        for column, cell in zip(columns, row, strict=True):
            if cell and column.overflow is not None:
                is_cut = column.overflow == "cut"
                words = Text(cell, style="dim", no_wrap=is_cut, overflow="ellipsis" if is_cut else "fold")
                lines.append(Padding(words, (0, 0, 0, _GAP)))
    return Group(*lines)


class TablePrinter:
    """Rows of one table, printed as they come: with a head above them and as wide as the terminal is.

    Args:
        columns: The columns.
        is_wide: Whether nothing is cut or left out, however wide the terminal is.
    """

    def __init__(self, columns: Sequence[Column], *, is_wide: bool = False) -> None:
        self._columns = columns
        self._is_wide = is_wide
        self._layout: Layout | None = None
        self._widest: list[str] = []

    def print(self, rows: Iterable[Sequence[object]]) -> None:
        """Print rows, at once; a head comes first, and again where the columns have to become wider."""
        if not sys.stdout.isatty():
            for row in rows:
                print("\t".join(one_line(format_value(value)) for value in row))
            sys.stdout.flush()
            return
        cells = [[column.cell(value) for column, value in zip(self._columns, row, strict=True)] for row in rows]
        if not cells:
            return
        from rich.console import Console

        console = Console(highlight=False)
        width = _UNBOUNDED if self._is_wide else console.width
        layout = self._layout
        is_new = layout is None or layout.width != width or not layout.holds(cells, self._columns)
        if layout is None or is_new:
            # Rows that come later fit under those that were printed, whose widths can't change any more.
            known = [*cells, self._widest] if self._widest else cells
            layout = self._layout = fit(self._columns, known, width)
            self._widest = [max(column, key=len) for column in zip(*known, strict=True)]
        if self._is_wide:
            for line in _lines(self._columns, cells, layout, has_head=is_new):
                console.print(line, soft_wrap=True)
        else:
            console.print(render(self._columns, cells, layout, has_head=is_new))


def _lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], layout: Layout, *, has_head: bool
) -> Iterator[Text]:
    """Yield a line for each row, with no space behind its last cell."""
    from rich.cells import cell_len
    from rich.text import Text

    head = [[column.title for column in columns]] if has_head else []
    for number, row in enumerate([*head, *rows]):
        line = Text(style="bold" if number < len(head) else "")
        for column, cell, width in zip(columns, row, layout.widths, strict=True):
            space = Text(" " * (width - cell_len(cell)))
            text = _styled(column, cell) if number >= len(head) else Text(cell)
            line.append_text(space + text if column.is_number else text + space).append(" " * _GAP)
        line.rstrip()
        yield line


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, is_wide: bool = False) -> None:
    """Print rows: as a table on a terminal, else a line each, its cells divided by tabs and without the head."""
    TablePrinter(columns, is_wide=is_wide).print(rows)
