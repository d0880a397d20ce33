"""The log of a training run, advlog(5): a header, steps and evaluations, the end."""

from typing import BinaryIO

from advlib.jobs.log import LogFormat, read_log

LOG = "log.jsonl"  # in the folder of a run
TRAINING_LOG = LogFormat("advlog", 1, "training log")


def read_training_log(stream: BinaryIO, name: str) -> tuple[dict, list[dict]]:
    """A training log's header, and its rows after it; see advlib.jobs.log.read_log."""
    return read_log(stream, name, TRAINING_LOG)
