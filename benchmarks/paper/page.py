"""Writes docs/paper.md: every table and figure of the paper beside ours in small, from a finished sweep.

    collm sweep benchmarks/grids/paper_small.yaml --out runs/paper-small
    python -m benchmarks.paper.page runs/paper-small --out docs

Numbers of ours come from the sweep, those of the paper from ``published.yaml``; the prose is in
``page.md.txt``, where ``{{name}}`` stands for what is made here. A finding is a pair of the paper's numbers
of which the first is the larger.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from collm.base.yaml_text import read_yaml
from collm.report.entries import Entry, Groups, collect, grouped
from collm.report.learning_curves import draw_figures
from collm.report.raw_data import optional_aggregates
from collm.report.rendering import cell, markdown
from collm.report.tables import Estimate, Table, measured, tables_of
from collm.runs.files import write_text
from collm.sweep.folder import SUMMARY

HERE = Path(__file__).parent
_OTHER_OVERHEAD = ("table3-writing", "table3-building")
"""The paper's table 3 is of coding alone."""
Published = Mapping[str, Any]
Ours = Mapping[tuple[str, str, str, str], Estimate | None]
"""By table, domain, row and measure, as the paper calls them."""


def write_page(sweep: Path, docs: Path) -> Path:
    """Write the page and its pictures."""
    published, groups = read_yaml(HERE / "published.yaml"), grouped(collect([str(sweep)], print))
    ours = dict(_ours(published, groups))
    texts = {
        f"{table}-{domain}": _beside(published[table][domain], ours, table, domain)
        for table in ("table1", "table2", "table3")
        for domain in published[table]
    }
    others = [table for table in tables_of(groups) if table.name in _OTHER_OVERHEAD]
    texts["overhead"] = "\n".join(map(markdown, others))
    texts["aggregates"] = "\n".join(map(markdown, optional_aggregates(groups)[0]))
    texts["findings"], texts["counts"] = _findings(published, ours)
    texts["effort"] = _effort(sweep)
    _draw(shown_in_figure_2(published, groups), sweep / "report", docs / "images")
    page = (HERE / "page.md.txt").read_text(encoding="utf-8")
    for name, text in texts.items():
        page = page.replace(f"{{{{{name}}}}}", text.strip("\n"))
    write_text(docs / "paper.md", page)
    return docs / "paper.md"


def _ours(
    published: Published, groups: Groups
) -> Iterator[tuple[tuple[str, str, str, str], Estimate | None]]:
    """What we measured in the place of every number of the paper."""
    overhead = {table.name: table for table in tables_of(groups)}
    for table in ("table1", "table2", "table3"):
        for domain, section in published[table].items():
            for row, line in section["rows"].items():
                entries = groups.get(domain, {}).get(line.get("ours"), [])
                for measure, how in section["measures"].items():
                    found = _overhead(overhead.get(f"table3-{domain}"), line.get("ours"), how["key"])
                    ours = found if table == "table3" else _measured(entries, how)
                    yield (table, domain, row, measure), ours


def _measured(entries: Sequence[Entry], how: Mapping[str, Any]) -> Estimate | None:
    return measured(entries, how["key"], how.get("by", 1))


def _overhead(table: Table | None, row: str | None, column: str) -> Estimate | None:
    if table is None or row is None or row not in table.rows or column not in table.columns:
        return None
    return table.rows[row][table.columns.index(column)]


def _beside(section: Published, ours: Ours, table: str, domain: str) -> str:
    """A Markdown table: of each measure the paper's number and ours."""
    measures = section["measures"]
    head = ["", *(f"{name}, {whose}" for name in measures for whose in ("paper", "ours"))]
    lines = [head, ["---", *("---:" for _ in head[1:])]]
    for row, line in section["rows"].items():
        cells = [row]
        for place, (name, how) in enumerate(measures.items()):
            numbers = line["published"]
            cells.append(str(numbers[place]) if place < len(numbers) else "–")
            cells.append(cell(ours[table, domain, row, name], how["digits"]))
        lines.append(cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _findings(published: Published, ours: Ours) -> tuple[str, str]:
    """A Markdown table of the paper's findings with what ours say, and how many there are of each verdict."""
    lines = [["finding", "paper", "ours", "verdict"], ["---"] * 4]
    verdicts: Counter[str] = Counter()
    for finding in published["findings"]:
        table, domain, measure = finding["table"], finding["domain"], finding["measure"]
        section = published[table][domain]
        place, how = list(section["measures"]).index(measure), section["measures"][measure]
        rows = [finding["more"], finding["less"]]
        paper = " > ".join(str(section["rows"][row]["published"][place]) for row in rows)
        pair = [ours[table, domain, row, measure] for row in rows]
        verdict = verdict_on(*pair)
        verdicts[verdict] += 1
        shown = " and ".join(cell(_plain(one), how["digits"]) for one in pair)
        lines.append([f"{domain}, {measure}: {rows[0]} above {rows[1]}", paper, shown, verdict])
    counts = ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common())
    return "\n".join(f"| {' | '.join(line)} |" for line in lines), counts


def verdict_on(more: Estimate | None, less: Estimate | None) -> str:
    """Whether the first number is above the second too, and their intervals over runs lie apart."""
    if more is None or less is None or more.over_runs is None or less.over_runs is None:
        return "not measured"
    if more.over_runs[0] > less.over_runs[1]:
        return "agrees"
    if more.over_runs[1] < less.over_runs[0]:
        return "disagrees"
    return "open"


def _plain(estimate: Estimate | None) -> Estimate | None:
    """Without the interval over tasks: a finding is about runs."""
    return estimate and Estimate(estimate.mean, estimate.over_runs, None, estimate.runs)


def _effort(sweep: Path) -> str:
    cells = json.loads((sweep / SUMMARY).read_text(encoding="utf-8"))["cells"]
    minutes = sum(one["seconds"] for one in cells) / 60
    failed = sum(one["state"] == "failed" for one in cells)
    return (
        f"{len(cells)} cells, {failed} failed, {minutes:.0f} minutes of processes in all on a machine with "
        f"{os.cpu_count()} cores"
    )


def shown_in_figure_2(published: Published, groups: Groups) -> Groups:
    """The teams, which the paper's figure 2 shows: the returns of one agent that plays alone are others."""
    shown = {line["ours"] for line in published["table3"]["coding"]["rows"].values()}
    return {
        domain: {method: entries for method, entries in methods.items() if method in shown}
        for domain, methods in groups.items()
    }


def _draw(groups: Groups, folder: Path, images: Path) -> None:
    folder.mkdir(exist_ok=True)
    images.mkdir(parents=True, exist_ok=True)
    for name in draw_figures(groups, folder):
        shutil.copyfile(folder / f"{name}.png", images / f"paper_{name}.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", type=Path, help="the folder of the finished sweep")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="the folder of the pages")
    arguments = parser.parse_args()
    print(f"wrote {write_page(arguments.sweep, arguments.out)}")


if __name__ == "__main__":
    main()
