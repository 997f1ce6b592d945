"""`python -m tests.bench`: both columns of design §5, one after the other, as tables and as a JSON file."""

import argparse
import tempfile
from pathlib import Path

from tests.bench import memory, report, resumable, start, uploads, worklist
from tests.bench.columns import COLUMNS, opened
from tests.bench.report import Figure

PARTS = {
    "uploads": uploads.measure, "resumable": resumable.measure, "memory": memory.measure, "worklist": worklist.measure,
    "start": start.measure,
}  # fmt: skip


def main() -> None:
    given = _arguments()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=given.folder) as folder:
        machine = report.machine(Path(folder))
        print(machine, flush=True)
        for name in given.column or COLUMNS:
            with opened(name, Path(folder) / name) as column:
                for part in given.only or PARTS:
                    found = PARTS[part](column, Path(folder) / name / part, given.quick)
                    figures += found
                    print("\n" + report.table(found, [column.name]), flush=True)
    print(f"\n{machine}\n\n{report.table(figures, list(dict.fromkeys(each.column for each in figures)))}")
    report.write(given.json, machine, figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, 10,000 referrals, 256 MB")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="this part; may be given again")
    parser.add_argument("--column", action="append", choices=list(COLUMNS), help="this column; may be given again")
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"), help="where the figures go (%(default)s)")
    parser.add_argument("--folder", help="where data lie meanwhile; its disk is what is measured")
    return parser.parse_args()


main()
