"""Try the contract on all commands, and tell what it finds.

    python tests/contracts [--each N] [--seed SEED] [COMMAND]...
    python tests/contracts --case COMMAND:LOT [--seed SEED]

The first tries cases, at most N of each stratum, and prints how many there were of each kind, how
they ended, and those that break the contract.  The second makes a folder in which the case can be
repeated, and prints its command line.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from commands import COMMANDS
from contracts.bench import Bench
from contracts.cases import all_cases, some_cases
from contracts.contract import Outcome
from contracts.lines import fill
from shared import once

HOW = ("0", "1", "2", "other", "broken")


def try_cases(names: list[str], each: int, seed: int, files: Path) -> list[Outcome]:
    """Try the commands' cases and print tables of them; those that break the contract."""
    kinds: dict[str, Counter[str]] = {}
    broken: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder) / "bench", files) as bench:
        print("command", "cases", *HOW, sep="\t")
        for name in names:
            count: Counter[str] = Counter()
            for case in some_cases(all_cases(name, files, seed), each, seed):
                outcome = bench.attempt(case)
                seen = [str(outcome.status) if outcome.status in (0, 1, 2) else "other"]
                if outcome.broken:
                    seen.append("broken")
                    broken.append(outcome)
                    print(f"{name}:{case.lot}", outcome, file=sys.stderr, flush=True)
                for counter in (count, kinds.setdefault(case.kind, Counter())):
                    counter.update(["cases", *seen])
            print(name, count["cases"], *(count[how] for how in HOW), sep="\t", flush=True)
    print("kind", "cases", *HOW, sep="\t")
    for kind, count in kinds.items():
        print(kind, count["cases"], *(count[how] for how in HOW), sep="\t")
    return broken


def show_case(told: str, seed: int, files: Path) -> None:
    """Make the folder of a case and print what to run in it."""
    name, _, lot = told.partition(":")
    case = next(case for case in all_cases(name, files, seed) if case.lot == lot)
    bench = Bench(Path(tempfile.mkdtemp()) / "bench", files)
    bench.prepare(case)
    print(f"cd {bench.here}\n{case.line}")


def main() -> None:
    """Exit with status 1 if a case breaks the contract."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=100, help="cases of a stratum, at most")
    parser.add_argument("--seed", type=int, default=0, help="draws the cases")
    parser.add_argument("--case", metavar="COMMAND:LOT", help="one to repeat")
    parser.add_argument("names", nargs="*", metavar="COMMAND")
    asked = parser.parse_args()
    files = once("contracts", fill)
    if asked.case:
        show_case(asked.case, asked.seed, files)
    else:
        sys.exit(bool(try_cases(asked.names or COMMANDS, asked.each, asked.seed, files)))


if __name__ == "__main__":
    main()
