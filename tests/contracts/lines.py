"""Small files of every kind that commands read, and command lines that are right with them."""

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
from contracts.bench import STANDING, Bench
from PIL import Image

OWN = """
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4)).eval()
"""
TORCH = """
import sys, torch, safetensors.torch
torch.save(safetensors.torch.load_file(sys.argv[1]), sys.argv[2])
"""
GENERATOR = """
import torch
from advlib.generators import checkpoints, noise, preconditioning, spec
from advlib.generators.adm_encoder import ADMEncoder, EncoderSpec
torch.manual_seed(0)
small = spec.NetworkSpec("ddpmpp", (3, 8, 8), 4, 9, 8, (1, 2), 1, (4,))
checkpoints.save("gen.st", preconditioning.Denoiser(small), noise.Noise())
for name, spec in (
    ("maps.pt", EncoderSpec(3, 8, 64, (1,), 1, (0,), 4)),
    ("judge.pt", EncoderSpec(64, 8, 64, (1,), 1, (0,), 1, 4)),
):
    torch.save(ADMEncoder(spec).state_dict(), name)
"""
PROMPT = "Of {classes}, which is it? End with '{class}, {confidence}'."
PAYLOAD = {"messages": [{"role": "user", "content": "{prompt} {image}"}], "max_tokens": 9}
RAW = """annotator_id,trial_index,is_attn_check,true_category,chosen_category,\
cifar10_test_test_idx,reaction_time
0,0,0,cat,dog,3,1734
0,1,1,ship,ship,-99999,1011
"""
TRAIN = (
    "advtrain wrn-10-1 --data train --samples 16 --batch 16 --epoch 16 --lr 0.1 --eps 0.05"
    " --step-size 0.05 --attack-steps 1 --device cpu"
)
CLASSES = "--class-names red,green,blue,dark"
QUIZ = """image,judge,label,guess,seconds,check,page,trials,study,events
1,ann,red,red,0.8,false,1,3,5e884898da280471,[]
2,ann,blue,red,1.25,false,1,3,5e884898da280471,"[{""event"":""pause""}]"
check-1-2,ann,dark,dark,2,true,1,3,5e884898da280471,[]
"""  # what the page of advquiz saved
DIFFUSE = "advdiffuse ddpmpp-4x1 --data train --samples 8 --batch 4 --device cpu"
PGD = "--attack pgd --attack-steps 1 --first 2 --eps 0.05 --device cpu"
MADE = (
    "advpack made.npz --class-names red,green,blue,dark -o train",
    "advpack made.npz --class-names red,green,blue,dark --layout sample -o few",
    "advpack made.npz -o one.tar",
    f"{TRAIN} --test few --evaluate end -o run",
    f"advattack net.st few {PGD} -o attacked",
    "advfid few --features pixels --save made.stats.npz --device cpu",
)
PRINTED = {
    "runs.csv": "advruns --bundled paper --where params<9e7 --where fid<10",
    "envelope.csv": "advruns --bundled paper-envelope --where flops<1e19",
    "final.csv": "advruns --bundled paper-final",
    "fit1.json": "advfit envelope.csv --approach 1 --bootstrap 6",
    "fit2.json": "advfit runs.csv --approach 2 --joint --bootstrap 6",
    "fit3.json": "advfit runs.csv --approach 3 --bootstrap 6",
    "fit.json": "advfit runs.csv --approach 2 --plain --where fid<1.7 --bootstrap 0",
    "grid.csv": "advgrid --networks wrn-10-1 --samples 1e3,1e4 --data d=train",
    "images.csv": "adveval net.st few --attack none --per-image",
    "judged.csv": "advjudge own:net few --device cpu",
    "people.csv": "advjudge own:net few --device cpu --format model-vs-human",
    "panel.csv": "advjudge own:net attacked --device cpu",
    "valid.csv": f"advvalid panel.csv {CLASSES} --agree 1",
    "scores.csv": f"advscore panel.csv {CLASSES} --bootstrap 2",
}

# right command lines, positional arguments first; between them, every option does something
LINES = {
    "advattack": [
        f"advattack net.st few {PGD}",
        f"advattack net.st few {PGD} -o out --layout chunk",
        f"advattack net.st few {PGD} -o attacked",
        f"advattack own:net few {PGD}",
        "advattack net.st few --eps 0.99 --first 1 --format robustbench --device cpu",
    ],
    "advcut": [
        "advcut few --range 0:2 -o out",
        "advcut few --random 3 -o out --layout chunk",
        "advcut few --keys images.csv --where clean_guess=1 -o out",
        "advcut attacked --per-class 1 -o -",
    ],
    "advdiffuse": [
        f"{DIFFUSE} --half-life 9 --snapshot-every 8 -o out",
        f"{DIFFUSE} --kind pfgmpp --dimensions 99 --data few --no-conditional -o out",
    ],
    "adveval": [
        "adveval net.st few --attack pgd1-cw --first 2 --device cpu",
        "adveval net.st attacked --device cpu --confusion",
        "adveval net.st one.tar --attack none --first 3 --per-image --device cpu",
    ],
    "advfid": [
        "advfid few one.tar --features pixels --device cpu",
        "advfid few made.stats.npz --features pixels --record --device cpu",
        "advfid one.tar few --features net.st --parts 2 --format csv --device cpu",
        "advfid train few --features pixels --sample 12 --memorised --sheet out.png --device cpu",
        "advfid few --features pixels --save out.npz --device cpu",
    ],
    "advfit": [
        "advfit envelope.csv --approach 1 --bootstrap 2",
        "advfit runs.csv --approach 2 --plain --bootstrap 0",
        "advfit runs.csv --approach 2 --bootstrap 2",
        "advfit runs.csv --approach 3 --bootstrap 0 --format csv",
    ],
    "advflops": [
        "advflops wrn-28-10 --samples 1e6",
        "advflops wrn-10-1 --image-size 8 --classes 4 --flops 1e20",
    ],
    "advgen": [
        "advgen gen.st --images 3 --steps 2 -o out --device cpu",
        "advgen gen.st --images 3 --solver ipndm --steps 2 --order 2 --denoise-last -o -",
        "advgen gen.st --images 3 --solver consistency --level 80 -o out --official-seeds",
        "advgen gen.st --images 4 --preset edm5 --chunk 2 --shard 2 --range 0:2 -o out",
        "advgen gen.st --images 2 --steps 2 --discriminator judge.pt --extractor maps.pt -o out",
        "advgen gen.st --images 3 --churn 2 --churn-min 0.1 --steps 2 -o out --labels random",
    ],
    "advgrid": [
        "advgrid --preset paper --budget 1e19",
        "advgrid --networks wrn-10-1 --samples 1e3 --data d=train --seeds 2 --test few -o out",
        "advgrid grid.csv --data d=train --real few --test few -o out --launcher nice",
    ],
    "advjudge": [
        "advjudge own:net few --higher 0.3 --device cpu",
        "advjudge net.st attacked --condition both --device cpu -o out.csv",
        "advjudge chat:seer few --dry-run --price 1,2 --answers replies.jsonl",
        "advjudge chat:seer few --dry-run --payload payload.json --prompt prompt.txt --scale 2",
        "advjudge chat:seer attacked --batch-export out.jsonl --constrain schema",
        "advjudge chat:seer few --batch-import back.jsonl --answers replies.jsonl -o out.csv",
        "advjudge table:judged.csv few -o out.csv",
        "advjudge model-vs-human:people.csv --format json",
        "advjudge cifar10h:raw.csv",
    ],
    "advlimit": [
        "advlimit fit3.json",
        "advlimit fit2.json --target-accuracy 0.5 --fid 0",
        "advlimit fit2.json --target-loss 1 --flops 1e20",
    ],
    "advls": ["advls few one.tar", "advls --verify train", "advls --stats attacked"],
    "advoptimal": [
        "advoptimal fit2.json --flops 1e20 --zoo",
        "advoptimal fit1.json fit3.json --flops 1e20 --region",
        "advoptimal fit3.json --flops 1e20 --fid 2",
    ],
    "advpack": [
        "advpack made.npz --shuffle -o out",
        "advpack pictures --layout sample -o out",
        "advpack made.h5 --chunk 5 -o out.tar",
        "advpack idx --split test -o out",
        "advpack one.tar --renumber -o -",
        "advpack digits --split test -o -",
    ],
    "advplot": [
        "advplot optimum fit2.json -o -",
        "advplot limits fit2.json --runs final.csv -o out.svg",
        "advplot accuracy fit3.json --runs final.csv -o out.svg",
        "advplot envelope fit1.json -o out.pdf",
        "advplot fits fit3.json -o out.png",
        "advplot overhead fit2.json --flops 1e20 -o out.pdf",
        "advplot humans scores.csv -o out.svg",
    ],
    "advpredict": [
        "advpredict fit3.json --params 1e6 --samples 1e7",
        "advpredict fit2.json --runs runs.csv",
    ],
    "advquiz": [
        "advquiz attacked -o out",
        "advquiz attacked -o out --batch 2 --checks 1 --own-orders --max-age 3 --title Quiz",
        "advquiz --check quiz.csv",
    ],
    "advruns": [
        "advruns runs.csv",
        "advruns run/log.jsonl --fid 2",
        "advruns --bundled paper-final",
    ],
    "advscore": [
        f"advscore panel.csv {CLASSES} --bootstrap 2",
        f"advscore panel.csv {CLASSES} --pairs",
        f"advscore panel.csv {CLASSES} --benchmark --images 99 --validity valid.csv --bootstrap 2",
        f"advscore panel.csv {CLASSES} --confusion --format json",
    ],
    "advtrade": [
        "advtrade fit3.json --flops 1e20 --size 0.5",
        "advtrade fit2.json --flops 1e20 --max-overhead 10% --fid 0",
        "advtrade fit2.json --flops 1e20 --params 1e6",
    ],
    "advtrain": [
        f"{TRAIN} --test few --evaluate end --evaluate-images 2 -o out",
        f"{TRAIN} --data few=1 --real few --validation few -o out",
        f"{TRAIN} --test few --evaluate end -o run",
    ],
    "advvalid": [
        f"advvalid panel.csv {CLASSES} --agree 1",
        f"advvalid panel.csv {CLASSES} --rule majority --sure --bootstrap 2",
        f"advvalid panel.csv {CLASSES} --agree 1 --agreement --bootstrap 2 --format json",
        f"advvalid panel.csv panel.csv {CLASSES} --overlap --rule dawid-skene --posterior 0.4",
    ],
    "advview": [
        "advview few --first 2 -o out.png",
        "advview attacked --keys images.csv --colour-by clean_guess --first 2 -o out.svg",
    ],
}


def fill(folder: Path) -> None:
    """Write the files into a folder."""
    bench = Bench(folder / "bench")
    _sources(bench.here)
    with bench:
        for line in MADE:
            if line.startswith("advattack"):
                shutil.copy(bench.here / "run" / "last.safetensors", bench.here / "net.st")
                here = [sys.executable, "-c", TORCH, "net.st", "net.pt"]
                subprocess.run(here, cwd=bench.here, check=True)
            _done(bench, line)
        here = [sys.executable, "-c", GENERATOR]
        subprocess.run(here, cwd=bench.here, check=True)
        for name, line in PRINTED.items():
            (bench.here / name).write_text(_done(bench, line))
        (bench.here / "quiz.csv").write_text(QUIZ)
        _replies(bench)
    for name in STANDING:
        (bench.here / name).unlink()
    for path in bench.here.iterdir():
        shutil.move(path, folder)
    shutil.rmtree(bench.folder)


def _replies(bench: Bench) -> None:
    """What a batch gives back to requests, and the file of answers that comes of a part of it."""
    _done(bench, "advjudge chat:seer few --batch-export asked.jsonl")
    message = {"choices": [{"finish_reason": "stop", "message": {"content": "red, low"}}]}
    asked = map(json.loads, (bench.here / "asked.jsonl").read_text().splitlines())
    known = {"error": None, "response": {"body": message}}
    lines = [json.dumps({"custom_id": each["custom_id"], **known}) for each in asked]
    back = bench.here / "back.jsonl"
    back.write_text("\n".join(lines[:4]))
    _done(bench, "advjudge chat:seer few --batch-import back.jsonl --answers replies.jsonl")
    back.write_text("\n".join(lines[2:]))


def _done(bench: Bench, line: str) -> str:
    status, out, err = bench.run(line.split())
    assert status == 0, (line, status, err)
    return out


def _sources(folder: Path) -> None:
    """Data sets in the forms that advpack reads, and a network in Python."""
    rng = np.random.default_rng(0)
    label = np.arange(24) % 4
    image = rng.integers(60, 160, (24, 8, 8, 3)).astype(np.uint8)
    image[np.arange(24), :, :, label % 3] += 60
    np.savez(folder / "made.npz", image=image, label=label)
    with h5py.File(folder / "made.h5", "w") as file:
        file["image"], file["label"] = image, label
    for i in range(6):
        place = folder / "pictures" / f"class{label[i]}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[i]).save(place / f"{i}.{'png' if i % 2 else 'jpg'}")
    os.mkdir(folder / "idx")
    large = rng.integers(0, 256, (24, 28, 28), np.uint8)
    for kind, array in (("images-idx3", large), ("labels-idx1", label.astype(np.uint8))):
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / "idx" / f"t10k-{kind}-ubyte").write_bytes(head + array.tobytes())
    (folder / "own.py").write_text(OWN)
    (folder / "prompt.txt").write_text(PROMPT)
    (folder / "payload.json").write_text(json.dumps(PAYLOAD))
    (folder / "raw.csv").write_text(RAW)
    (folder / "obeyed.pkl").write_bytes(pickle.dumps(Obeyed()))


class Obeyed:
    """Makes a folder where it is unpickled freely."""

    def __reduce__(self) -> tuple:
        return os.mkdir, ("obeyed",)


def lines_of(name: str) -> list[str]:
    """The right lines of a command; of one without any here, what may be right."""
    return LINES.get(name, [f"{name} few -o out", f"{name} net.st few", name])
