"""Was every fault really tried, on every provider that can show it, at every named place?"""

from collections import Counter
from collections.abc import Iterable, Mapping

from bursar.converge.catalogue import FAULTS, PROCESS_POINTS, SYNC_POINTS, Layer
from bursar.converge.stage import Channel

Cell = tuple[str, str, str]
"""Fault, channel, place; channel and place are empty where the fault has none."""


def cells_to_hit(
    channels: Mapping[str, Channel], formats: Iterable[str], faults: Iterable[str], tier: int = 1
) -> list[Cell]:
    """Return every cell of the matrix that a long enough run of a tier must have hit."""
    cells: list[Cell] = []
    for code in sorted(faults):
        fault = FAULTS[code]
        if fault.tier > tier:
            continue
        if code == "D2":
            cells += [(code, slug, point.value) for slug in sorted(channels) for point in SYNC_POINTS]
        elif fault.tier > 2:
            cells.append((code, "", ""))
        elif code in PROCESS_POINTS:
            for point in PROCESS_POINTS[code]:
                # A worker that is a process does not play dead.
                if tier > 1 and code == "D1" and point in SYNC_POINTS:
                    continue
                kind = point.value.split(".", 1)[0]
                owners = sorted(set(formats)) if kind == "import" else sorted(channels)
                cells += [(code, owner, point.value) for owner in owners]
        elif fault.layer is Layer.WORLD:
            cells.append((code, "world", ""))
        elif fault.layer in (Layer.FACE, Layer.WIRE):
            cells += [
                (code, slug, "") for slug, channel in sorted(channels.items()) if code not in channel.traits.immune
            ]
        elif code == "B12":
            cells += [(code, slug, "") for slug in sorted(set(formats))]
        elif code in {"E7", "E9"}:
            cells += [(code, slug, "sync.fetched") for slug in sorted(channels)]
        elif code in {"E4", "E6"}:
            cells.append((code, "", ""))
        elif code == "E3":
            cells += [(code, slug, "") for slug, channel in sorted(channels.items()) if channel.sends_webhooks]
        else:
            cells += [(code, slug, "") for slug in sorted(channels)]
    return cells


def missing_cells(to_hit: Iterable[Cell], struck: "Counter[Cell]") -> list[Cell]:
    """Return the cells that nothing hit."""
    return [cell for cell in to_hit if not struck[cell]]


def show_matrix(to_hit: Iterable[Cell], struck: "Counter[Cell]") -> list[str]:
    """Return the matrix as lines: a fault (and place) a line, a channel a column."""
    cells = list(to_hit)
    columns = sorted({channel for _, channel, _ in cells})
    rows = sorted({(code, place) for code, _, place in cells}, key=lambda row: (_order(row[0]), row[1]))
    width = max((len(column) for column in columns), default=0) + 2
    lines = [" " * 30 + "".join((column or "any").rjust(width) for column in columns)]
    wanted = set(cells)
    for code, place in rows:
        figures = [str(struck[code, column, place]) if (code, column, place) in wanted else "-" for column in columns]
        lines.append(f"{code} {place}".ljust(30) + "".join(figure.rjust(width) for figure in figures))
    return lines


def _order(code: str) -> tuple[str, int]:
    digits = "".join(character for character in code[1:] if character.isdigit())
    return code[0], int(digits or 0)
