"""Work that was done before is not done again, and other work is."""

import importlib.metadata
import json
import os
import subprocess

import numpy as np
import torch
from conftest import environment
from robust import digits, read, write

from advlib.shards.chunk import Chunk


def refused(result):
    assert result.stdout == "" and result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("advattack: ")
    return result.stderr


LINE = "mine:net few --attack pgd --attack-steps 2 --first 9 -q -o"


def test_other_images_of_the_same_size_on_standard_input_are_other_work(sh, wrong):
    one, two = (digits().take(slice(start, start + 9)) for start in (0, 9))
    for name, chunk in (("one.tar", one), ("two.tar", two)):
        write(wrong / name, Chunk(chunk.image, chunk.label, np.arange(9)), "sample")
    line = "advattack mine:net --attack pgd --attack-steps 2 --eps 0.1 -o piped"
    said = [sh(f"cat {name}.tar | {line}", cwd=wrong) for name in ("one", "two", "two")]
    assert [done.returncode for done in said] == [0, 0, 0]
    assert [done.stderr.endswith("says that this is done\n") for done in said] == [0, 0, 1]
    assert np.array_equal(read(wrong / "piped").image, two.image)
    done = sh(f"true | {line}", cwd=wrong)
    assert done.returncode == 2
    assert done.stderr.endswith("advattack: <stdin>: empty; expected shards\n")


def test_work_whose_set_is_no_longer_there_is_done_again(bad, wrong):
    bad(f"{LINE} gone")
    (wrong / "gone-000000.tar").unlink()
    bad(f"{LINE} gone")
    assert len(read(wrong / "gone")) == 9
    bad(f"{LINE} gone --eps 0.2 --verdict other.json")
    changed = read(wrong / "gone").fields["adversarial"]
    bad(f"{LINE} gone")
    assert not np.array_equal(read(wrong / "gone").fields["adversarial"], changed)


def begun_as(verdict):
    """What the folder of the job was known by."""
    versions = {name: of for name, of in verdict["versions"].items() if name != "python"}
    return {"versions": versions, **verdict["identity"]["job"]}


def test_what_is_done_leaves_another_jobs_folder_alone(bad, wrong):
    bad(f"{LINE} kept")
    folder = wrong / ".kept.attack"
    for other in (True, False):
        folder.mkdir(exist_ok=True)
        verdict = json.loads((wrong / "kept.verdict.json").read_text())
        job = begun_as(verdict) | ({"images": 7} if other else {})
        (folder / "job.json").write_text(json.dumps({"identity": job, "settings": {}}))
        bad(f"{LINE} kept")
        assert folder.exists() == other


def test_other_weights_in_the_same_code_are_another_network(bad, wrong):
    (wrong / "loads.py").write_text(
        "import torch\nfrom mine import net\ndef made():\n"
        "    layer = torch.nn.Linear(10, 10)\n"
        "    layer.load_state_dict(torch.load('layer.pt'))\n"
        "    return torch.nn.Sequential(net, layer)\n"
    )
    found = []
    for scale in (1, -1):
        weights = {"weight": scale * torch.eye(10), "bias": torch.zeros(10)}
        torch.save(weights, wrong / "layer.pt")
        found.append(json.loads(bad(f"{LINE} loaded".replace("mine:net", "loads:made")).stdout))
    assert found[0]["clean_accuracy"] > 0.5 > found[1]["clean_accuracy"]


def test_a_verdict_goes_into_links_and_pipes_and_does_not_replace_them(sh, wrong):
    (wrong / "real.json").write_text("old")
    (wrong / "link.json").symlink_to("real.json")
    line = "advattack mine:net few --attack pgd --eps 0.1 --first 3 -q --format csv --verdict"
    assert sh(f"{line} link.json", cwd=wrong).returncode == 0
    assert (wrong / "link.json").is_symlink()
    assert json.loads((wrong / "real.json").read_text())["images"] == 3
    done = sh(f"mkfifo pipe && (cat pipe & {line} pipe; wait)", cwd=wrong)
    assert done.returncode == 0 and '"images": 3' in done.stdout and (wrong / "pipe").is_fifo()


def test_a_full_disk_is_one_line_and_there_it_goes_on(sh, wrong, small_disk):
    folder = small_disk(wrong / "disk", "300k", 240 << 10)
    line = "advattack robust.st few --attack pgd --attack-steps 1 -q -o disk/x"
    env = environment() | {"OMP_NUM_THREADS": "1"}
    done = sh(line, cwd=wrong, env=env)
    assert done.returncode == 1
    assert "No space left on device" in refused(done)
    assert sorted(os.listdir(folder)) == [".x.attack", ".x.partial", "filler"]
    (folder / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(folder)], check=True)
    sh(line, cwd=wrong, env=env, check=True)
    names = sorted(os.listdir(folder))
    assert names == ["x-000000.tar", "x.index.json", "x.verdict.json"]
    assert len(read(folder / "x")) == 60


def test_an_upgrade_is_said_and_not_mixed(bad, wrong, monkeypatch):
    line = f"{LINE} aged".replace(" -q", "")
    bad(line)
    assert "aged.verdict.json says that this is done\n" in bad(line).stderr
    real = importlib.metadata.version
    newer = lambda name: "99.0" if name == "torch" else real(name)  # noqa: E731
    monkeypatch.setattr(importlib.metadata, "version", newer)
    said = f"with torch {real('torch')}; this one has 99.0: remove it"
    assert f"says that this is done, {said} to have it done anew" in bad(line).stderr
    # as a kill leaves the folder of a job that the older version began
    verdict = json.loads((wrong / "aged.verdict.json").read_text())
    (wrong / "aged.verdict.json").unlink()
    folder = wrong / ".aged.attack"
    folder.mkdir(exist_ok=True)
    job = {"identity": begun_as(verdict), "settings": {"window": 9}}
    (folder / "job.json").write_text(json.dumps(job))
    (folder / "window-000000.safetensors").write_bytes(b"")
    done = bad(line, 2)
    assert f"of another attack, {said}, or give another name with -o\n" in done.stderr
