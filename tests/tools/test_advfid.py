"""advfid: distances of sets and statistics, what it keeps and notes, and what it refuses."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from commands import inside
from small_images import draw, exact, write

from advlib.jobs.files import file_sha256
from advlib.models.checkpoints import save
from advlib.models.network import build
from advlib.quality.frechet import frechet_distance
from advlib.quality.statistics import Statistics, save_statistics
from advlib.shards.reader import open_set
from advlib.shards.sources import open_source
from advlib.training.data import recorded_fid


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sets `gen` and `real` of tiny images, one of another size, and a checkpoint with digits."""
    folder = tmp_path_factory.mktemp("advfid")
    write(folder / "gen", *draw(200, 1, 130), history=[{"tool": "advgen"}])
    write(folder / "real", *draw(300, 2))
    write(folder / "wide", np.zeros((9, 4, 4, 3), np.uint8), np.arange(9) % 5)
    write(folder / "one", *draw(1))
    write(folder / "few", *draw(5))
    mean, covariance = exact(draw(300, 2)[0])
    np.savez(folder / "edm.npz", mu=mean, sigma=covariance)
    known = {"features": {"name": "pixels", "column": "fd_pixels"}}
    save_statistics(str(folder / "kept.npz"), Statistics(mean, covariance, 300, known))
    digits = next(open_source("digits", "test").chunks()).take(slice(90))
    write(folder / "digits", digits.image[:50], digits.label[:50], classes=10)
    write(folder / "others", digits.image[50:], digits.label[50:], classes=10)
    torch.manual_seed(0)
    save(folder / "wrn-10-1.st", build("wrn-10-1"), {})
    return folder


@pytest.fixture
def run(folder):
    with inside(folder) as run:
        yield run


def row(done):
    (found,) = csv.DictReader(io.StringIO(done.stdout))
    return found


def expected(first=slice(None)):
    return frechet_distance(*exact(draw(200, 1, 130)[0][first]), *exact(draw(300, 2)[0]))


def test_the_distance_of_two_sets_is_that_of_their_pixels(run):
    found = row(run("advfid gen real --features pixels --format csv"))
    assert float(found["fd_pixels"]) == pytest.approx(expected(), rel=1e-5)
    assert (found["images"], found["reference_images"]) == ("200", "300")
    assert "fid" not in found and found["least_class"] == found["largest_class"] == "0.2"


def test_statistics_kept_are_as_good_as_the_set(run, folder):
    run("advfid real --features pixels --save real.npz")
    with np.load(folder / "real.npz") as file:
        np.testing.assert_allclose(file["sigma"], exact(draw(300, 2)[0])[1], rtol=1e-5, atol=1e-9)
        about = json.loads(str(file["about"]))
    assert (about["images"], about["features"]["name"], about["set"]) == (300, "pixels", "real")
    assert [entry["tool"] for entry in about["history"]] == ["advfid"]
    kept = row(run("advfid gen real.npz"))  # by the features that they say
    assert float(kept["fd_pixels"]) == pytest.approx(expected(), rel=1e-5)
    run("advfid gen --features pixels --save gen.npz")
    both = row(run("advfid gen.npz real.npz"))
    assert float(both["fd_pixels"]) == pytest.approx(expected(), rel=1e-5)
    assert both["least_class"] == ""
    assert not list(folder.glob("*.state"))


def test_parts_their_least_and_infinitely_many(run):
    found = row(run("advfid gen real --features pixels --parts 4 --extrapolate"))
    parts = [expected(slice(begin, begin + 50)) for begin in range(0, 200, 50)]
    assert float(found["part_mean"]) == pytest.approx(np.mean(parts), rel=1e-4)
    assert float(found["part_error"]) == pytest.approx(np.std(parts, ddof=1) / 2, rel=1e-4)
    assert float(found["part_least"]) == pytest.approx(min(parts), rel=1e-4)
    assert float(found["fd_pixels"]) == pytest.approx(expected(), rel=1e-5)
    assert float(found["infinite"]) < float(found["fd_pixels"])
    least = row(run("advfid gen real --features pixels --parts 3 --least"))
    parts = [expected(slice(200 * i // 3, 200 * (i + 1) // 3)) for i in range(3)]
    assert float(least["fd_pixels"]) == float(least["part_least"])
    assert float(least["fd_pixels"]) == pytest.approx(min(parts), rel=1e-4)


def test_what_single_images_say(run, folder):
    image, label = draw(300, 2)
    write(folder / "copies", image[100:160], label[100:160])
    columns = ("kd_pixels", "precision", "recall", "density", "coverage", "memorised")
    line = "advfid copies real --features pixels --sample 60 --memorised"
    found = row(run(f"{line} --sheet pairs.svg"))
    sheet = (folder / "pairs.svg").read_text()
    assert all(text in sheet for text in ("generated", "nearest, 0", "000000100", "000000000"))
    copies = [float(found[name]) for name in columns]
    assert (
        copies[1] > 0.8 and copies[5] == 1 and abs(copies[0]) < 4 * float(found["kd_pixels_error"])
    )
    found = row(run("advfid gen real --features pixels --sample 60 --memorised"))
    new = [float(found[name]) for name in columns]
    assert new[0] > copies[0] and 0 < new[1] < 1 and 0.2 < new[5] < 0.8
    without = row(run("advfid gen real --features pixels"))
    assert all(without[name] == "" for name in columns)


def test_json_has_the_history_of_both(run):
    document = json.loads(run("advfid gen real --features pixels --format json").stdout)
    assert [entry["tool"] for entry in document["history"]] == ["advgen", "advfid"]
    assert document["class_counts"] == [40] * 5
    assert document["rows"][0]["fd_pixels"] == pytest.approx(expected(), rel=1e-5)


def test_a_distance_is_noted_in_the_index_and_measured_anew_replaces_it(run, folder):
    for _ in range(2):
        found = row(run("advfid gen real --features pixels --record"))
    history = json.loads((folder / "gen.index.json").read_text())["history"]
    assert [entry["tool"] for entry in history] == ["advgen", "advfid"]
    assert history[1]["fd_pixels"] == pytest.approx(float(found["fd_pixels"]))
    assert recorded_fid([open_set([str(folder / "gen")])]) is None  # it is no FID


def test_a_distance_in_features_of_others_that_say_nothing_is_the_asked_one(run):
    done = run("advfid edm.npz edm.npz")
    assert float(row(done)["fid"]) == pytest.approx(0, abs=1e-9)
    assert "edm.npz: does not say its features; taken as those asked for" in done.stderr


def test_a_checkpoint_gives_features_too(run, folder):
    found = row(run("advfid digits others --features wrn-10-1.st"))
    name = f"fd_wrn_10_1_{file_sha256(folder / 'wrn-10-1.st')[:8]}"
    assert float(found[name]) > 0 and found["features"] == "wrn-10-1"
    shutil.copy(folder / "wrn-10-1.st", folder / "copy.st")  # the same features by another name
    run("advfid others --features copy.st --save others.npz -q")
    done = run("advfid digits others.npz --features wrn-10-1.st")
    assert float(row(done)[name]) == pytest.approx(float(found[name]), rel=1e-4)
    assert "digits: 50 images for 64 features: the covariance is singular" in done.stderr


def test_parts_of_few_images_are_said(run):
    done = run("advfid gen real --features pixels --parts 40")
    assert "gen: parts of 5 images for 6 features: their covariances are singular" in done.stderr


def test_parts_of_a_sorted_set_are_said(run, folder):
    image, label = draw(100)
    write(folder / "sorted", image, np.sort(label))
    done = run("advfid sorted real --features pixels --parts 2")
    assert "sorted: part 1 of 2 has no image of class 3, and so is far" in done.stderr
    assert "has no image" not in run("advfid gen real --features pixels --parts 2").stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_one_line(run):
    done = run("advfid gen --features pixels --save /dev/full", 1)
    assert done.stderr == "advfid: /dev/full: No space left on device\n"


def test_standard_input_is_a_set(run, folder):
    data = (folder / "gen-000000.tar").read_bytes()
    found = row(run("advfid - real --features pixels", input=data))
    assert float(found["fd_pixels"]) == pytest.approx(expected(), rel=1e-5)
    assert found["set"] == "<stdin>"


WRONG = {
    "advfid gen": "nothing to do: name a REFERENCE to compare with, or --save FILE",
    "advfid gen wide --features pixels": "wide: 48 features; gen has 6",
    "advfid gen real --features mood": "found 'mood'; expected inception, inception-half-pixel,",
    "advfid gen real --features gen-000000.tar": "gen-000000.tar: not a checkpoint",
    "advfid gen real --features wrn-10-1.st": "images of 3x2x1; wrn-10-1 takes 32x32x3",
    "advfid gen real --features pixels --inception x": "--inception: is for features inception and",
    "advfid gen real --inception none.pth": "none.pth: no such file; expected the weights of FID's",
    "advfid gen real --inception gen-000000.tar": "gen-000000.tar: not the weights of FID's",
    "advfid one real --features pixels": "one: 1 images in 1 parts; a covariance takes 2 or more",
    "advfid gen real --features pixels --parts 65": "65 is not in the range 1<=x<=64",
    "advfid few real --features pixels --parts 4": "few: 5 images in 4 parts; a covariance takes 2",
    "advfid gen real --features pixels --least": "--least: needs --parts of 2 or more",
    "advfid gen real --features pixels --parts 3 --extrapolate": "--extrapolate: needs --parts of",
    "advfid gen --save x.npz --parts 2": "--parts: does nothing without a REFERENCE",
    "advfid gen --save x.npz --sample 9": "--sample: does nothing without a REFERENCE",
    "advfid kept.npz kept.npz --features inception": "kept.npz: features pixels; asked for are i",
    "advfid gen real --memorised": "--memorised: needs --sample",
    "advfid gen real --sheet x.png": "--sheet: goes with --memorised, which is missing",
    "advfid gen real --sample 9 --memorised --sheet -": "--sheet: standard output has the row",
    "advfid gen real --sheet x.txt": "expected a name that ends in .pdf, .png or .svg",
    "advfid gen edm.npz --sample 20": "--sample: takes images; edm.npz holds statistics alone",
    "advfid edm.npz real --parts 2": "--parts: takes images; edm.npz holds statistics alone",
    "advfid edm.npz real --save x.npz": "--save: takes images; edm.npz holds statistics alone",
    "advfid few real --features pixels --sample 20": "5 images; a kernel distance takes 10 or",
    "advfid gen nothing.npz": "nothing.npz: no such file",
    "advfid gen --save x.npz --record": "--record: goes with [REFERENCE], which is missing",
    "advfid gen-000000.tar.npz real": "gen-000000.tar.npz: no such file",
    "advfid - real --features pixels --parts 2": "a stream has no parts",
    "advfid - real --features pixels --record": "--record: - has no index to note the distance",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(run, folder, line):
    before = set(folder.iterdir())
    data = (folder / "gen-000000.tar").read_bytes()
    done = run(line + " -q", 2, input=data)
    assert WRONG[line] in done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert set(folder.iterdir()) == before


def test_a_folder_that_is_not_there_is_said_before_any_work(run):
    done = run("advfid gen --features pixels --save nowhere/x.npz", 1)
    assert "nowhere/x.npz: no folder nowhere to write into" in done.stderr


def test_ranks_find_what_one_process_finds(run, folder):
    script = folder / "run.py"
    script.write_text("from advtools.advfid import main\nmain(prog_name='advfid')\n")
    line = "gen real --features pixels --parts 4 --batch 7 --sample 50 --memorised"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"),
            *("2", str(script), *line.split(), "--save", "ranks.npz"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    alone = row(run(f"advfid {line} --save alone.npz"))
    for name, value in row(done).items():
        if name not in ("set", "reference", "features", "infinite"):
            assert float(value) == pytest.approx(float(alone[name]), rel=1e-9)
    with np.load(folder / "ranks.npz") as mine, np.load(folder / "alone.npz") as its:
        np.testing.assert_allclose(mine["sigma"], its["sigma"], rtol=1e-9, atol=1e-12)
