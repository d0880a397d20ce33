"""Learning works: adversarial training resists an attack that plain training does not."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
from conftest import environment

from advlib.shards.sources import open_source
from advlib.shards.writer import Writer

RUN = (
    "advtrain wrn-10-1 --data train --test test --samples 8000 --batch 64 --epoch 800 --eps 0.12"
    " --step-size 0.04 --attack-steps 5 --lr 0.1 --no-augment --normalisation none"
    " --evaluate 4,6,8,10"
)


def test_robust_training_beats_plain_training_and_its_curve_is_fitted(tmp_path, sh):
    for split in ("train", "test"):
        with Writer(str(tmp_path / split), class_names=tuple("0123456789")) as writer:
            for chunk in open_source("digits", split).chunks():  # at 8x8, as they were scanned
                writer.write(replace(chunk, image=np.ascontiguousarray(chunk.image[:, ::4, ::4])))
    env = environment() | {"OMP_NUM_THREADS": "1"}
    done = sh(f"{RUN} -o robust && {RUN} --loss clean -o plain", env=env, timeout=300)
    assert done.returncode == 0, done.stderr
    table = sh("advruns robust/log.jsonl plain/log.jsonl --fid 0", check=True).stdout
    last = {row["run"]: row for row in csv.DictReader(io.StringIO(table))}
    robust, plain = (float(last[name]["accuracy"]) for name in ("robust", "plain"))
    assert robust > 0.6 and plain < 0.45
    fit = sh("advruns robust/log.jsonl | advfit - --approach 1 -q", check=True).stdout
    assert json.loads(fit)["parameters"]["l0"] > 0
