"""Two machines: network namespaces with names of their own, joined by a cable.

They share this machine's files.  What runs on both under torchrun goes through the cable, as on a
cluster: each knows the other by name alone.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from small_runs import ENV

TORCHRUN = (
    "torchrun --nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-id 7"
    " --rdzv-endpoint {head}:29500 --no-python"
)
SCRIPT = 'mount --bind "$1" /etc/hosts && hostname "$2" && shift 2 && exec "$@"'


class Machines:
    """The two, by number."""

    def __init__(self, names: Sequence[str], hosts: Path):
        self.names, self.hosts = names, hosts

    def words(self, number: int, line: str) -> list[str]:
        """The words of a command line that is run on one of them."""
        name = self.names[number]
        there = ["ip", "netns", "exec", name, "unshare", "--mount", "--uts"]
        return [*there, "sh", "-c", SCRIPT, "sh", str(self.hosts), name, *line.split()]

    def both(self, folders: Sequence[Path], line: str) -> list[subprocess.CompletedProcess]:
        """Run a command line under torchrun on both, each in its folder; what each one said."""
        line = f"{TORCHRUN.format(head=self.names[0])} {line}"
        jobs = [
            subprocess.Popen(
                self.words(number, line),
                cwd=folder,
                env=ENV,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number, folder in enumerate(folders)
        ]
        try:
            said = [job.communicate(timeout=300) for job in jobs]
        finally:
            for job in jobs:
                job.kill()
        return [
            subprocess.CompletedProcess(job.args, job.returncode, *texts)
            for job, texts in zip(jobs, said, strict=True)
        ]


@contextlib.contextmanager
def two_machines(folder: Path) -> Iterator[Machines]:
    """Skips a test where network namespaces are not permitted, or there is no ip(8)."""
    names = [f"adv{os.getpid()}n{number}" for number in range(2)]
    if not (shutil.which("ip") and shutil.which("unshare")):
        pytest.skip("ip (of iproute2) or unshare (of util-linux) is not installed")
    hosts = folder / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n" + "".join(f"10.77.0.{i} {n}\n" for i, n in enumerate(names, 1))
    )
    try:
        for name in names:
            _ip(f"netns add {name}")
        _ip(f"link add cable netns {names[0]} type veth peer name cable netns {names[1]}")
        for number, name in enumerate(names, 1):
            _ip(f"-n {name} addr add 10.77.0.{number}/24 dev cable")
            for device in ("lo", "cable"):
                _ip(f"-n {name} link set {device} up")
        machines = Machines(names, hosts)
        done = subprocess.run(machines.words(0, "hostname"), capture_output=True, text=True)
        if done.stdout.strip() != names[0]:
            pytest.skip(f"machines of their own are not permitted here: {done.stderr.strip()}")
        yield machines
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _ip(line: str) -> None:
    done = subprocess.run(["ip", *line.split()], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"network namespaces are not permitted here: {done.stderr.strip()}")
