"""The tables of RESULTS.md, from the newest measured rows.

    python benchmarks/report.py            prints it
    python benchmarks/report.py --write    puts it between the marks of benchmarks/RESULTS.md

What a person wrote around the table stays: there stands what was tried where a bar is missed.
"""

from __future__ import annotations

import argparse
from typing import Any

from bars import GROUPS, Bar
from results import RESULTS, latest

BEGIN, END = "<!-- table: written by benchmarks/report.py -->", "<!-- end of table -->"
HEAD = ("what", "bar", "stretch", "measured", "bar", "stretch", "run")
START = f"""# Results

Every figure was measured by a script of this folder on the machine named below the table, with default settings.
A missed bar is said so, with what was tried.

{BEGIN}
{END}

## Missed, and what was tried
"""


def table(rows: dict[tuple[str, str], dict[str, Any]]) -> str:
    """A table a group of bars, and the conditions of the runs that they name by number."""
    runs: list[dict[str, Any]] = []
    lines: list[str] = []
    for group, bars in GROUPS.items():
        lines += [f"### {group}", "", "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
        for bar in bars:
            row = rows.get((bar.what, bar.metric))
            if row is not None and row not in runs:
                runs.append(row)
            place = f"`{bar.command}`" if row is None else str(runs.index(row) + 1)
            lines.append("| " + " | ".join([bar.label, *_cells(bar, row), place]) + " |")
        lines.append("")
    return "\n".join([*lines, "### Runs", "", *(_conditions(place, row) for place, row in enumerate(runs, 1))])


def _cells(bar: Bar, row: dict[str, Any] | None) -> list[str]:
    if row is None:
        return [*_limits(bar, bar.bar, bar.stretch), "not measured", "", ""]
    found = row["bars"][bar.metric]
    value = _figure(found["value"])
    if "low" in found:
        value += f" ({_figure(found['low'])} to {_figure(found['high'])})"
    beside = [f"{name} {_figure(row['metrics'][name])}" for name in bar.shown if name in row["metrics"]]
    limits = _limits(bar, found["bar"], found["stretch"])
    return [*limits, "; ".join([value, *beside]), _said(found["met"]), _said(found["stretch_met"])]


def _limits(bar: Bar, reach: float | None, stretch: float | None) -> list[str]:
    return [_limit(bar, reach, bar.strict), _limit(bar, stretch, bar.strict_stretch)]


def _limit(bar: Bar, limit: float | None, strict: bool) -> str:
    return "" if limit is None else f"{'>' if bar.higher else '<'}{'' if strict else '='} {_figure(limit)}"


def _figure(value: float) -> str:
    """Four significant digits; thousands whole."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _said(met: bool | None) -> str:
    return "" if met is None else "met" if met else "**missed**"


def _conditions(place: int, row: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in row["versions"].items())
    settings = ", ".join(f"{name} {value}" for name, value in row["settings"].items()) or "defaults"
    return (
        f"{place}. `{row['command']}` · {settings} · {row['seconds']:,.0f} s · {row['machine']} · {versions} · "
        f"commit {row['commit']} · {row['date'][:10]}"
    )


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description="The table of RESULTS.md, from the newest measured rows.")
    parser.add_argument("--write", action="store_true", help="put it into benchmarks/RESULTS.md")
    made = table(latest())
    if not parser.parse_args().write:
        print(made)
        return
    path = RESULTS.parent / "RESULTS.md"
    text = path.read_text() if path.exists() else START
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"RESULTS.md has lost its marks · allowed: {BEGIN} and {END} · put them back around the table")
    path.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}")


if __name__ == "__main__":
    main()
