"""Learning works: adversarial training resists an attack that plain training does not."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import environment

from advlib.shards.chunk import take_images
from advlib.shards.sources import open_source
from advlib.shards.sources.mnist import DEBIAN_FASHION
from advlib.shards.writer import Writer

RUN = (
    "advtrain wrn-10-1 --data train --test test --samples 8000 --batch 64 --epoch 800 --eps 0.12"
    " --lr 0.1 --no-augment --normalisation none --evaluate 4,6,8,10"
)
FASHION = (
    "advtrain wrn-10-1 --data train --test test --samples 8000 --batch 64 --epoch 800 --eps 0.1"
    " --lr 0.1 --no-augment --normalisation none --evaluate end --evaluate-images 300"
)


def pack(name, source, split, crop, count=None):
    """A set of the first images of a source, of which `crop` is taken."""
    with Writer(str(name), class_names=tuple("0123456789")) as writer:
        for chunk in take_images(open_source(source, split).chunks(), count or 10**9):
            writer.write(replace(chunk, image=np.ascontiguousarray(chunk.image[:, *crop])))


def last_rows(sh, command, attack, more=""):
    """The last evaluation of adversarial training with options `attack`, and of plain training."""
    env = environment() | {"OMP_NUM_THREADS": "1"}
    plain = f"{command} --loss clean {more} -o plain"
    done = sh(f"{command} {attack} -o robust & {plain} & wait -n && wait -n", env=env, timeout=500)
    assert done.returncode == 0, done.stderr
    table = sh("advruns robust/log.jsonl plain/log.jsonl --fid 0", check=True).stdout
    last = {row["run"]: row for row in csv.DictReader(io.StringIO(table))}
    return [
        {k: float(last[run][k]) for k in ("accuracy", "clean_accuracy")}
        for run in ("robust", "plain")
    ]


def test_robust_training_beats_plain_training_and_its_curve_is_fitted(tmp_path, sh):
    for split in ("train", "test"):  # at 8x8, as they were scanned
        pack(tmp_path / split, "digits", split, np.s_[::4, ::4])
    robust, plain = last_rows(sh, RUN, "--step-size 0.04 --attack-steps 5")
    assert robust["accuracy"] > 0.6 and plain["accuracy"] < 0.45
    fit = sh("advruns robust/log.jsonl | advfit - --approach 1 -q", check=True).stdout
    assert json.loads(fit)["parameters"]["l0"] > 0


@pytest.mark.skipif(not DEBIAN_FASHION.exists(), reason="no Debian package dataset-fashion-mnist")
def test_clothes_are_told_apart_under_attack_after_robust_training_alone(tmp_path, sh):
    for split in ("train", "test"):  # at 16x16, of one channel
        pack(tmp_path / split, "fashion-mnist", split, np.s_[::2, ::2, :1], 6000)
    attack = "--step-size 0.03 --attack-steps 5"
    robust, plain = last_rows(sh, FASHION, attack, "--samples 20000 --epoch 2000")
    assert robust["accuracy"] > 0.4 and plain["accuracy"] < 0.1
    assert plain["clean_accuracy"] > robust["clean_accuracy"] - 0.05 > 0.6
