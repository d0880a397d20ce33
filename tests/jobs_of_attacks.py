"""What jobs of attacks left in their folders, compared."""

import json

import numpy as np
from robust import read

COSTS = ("seconds", "forwards", "backwards")
RANKS = "-m torch.distributed.run --standalone --nproc-per-node 2"


def files(folder):
    """Names and bytes of all that is there; of the verdict, what does not cost time."""
    out = {}
    for path in sorted(folder.iterdir()):
        if path.name == "__pycache__":
            continue
        out[path.name] = path.read_bytes() if path.is_file() else "a folder"
    document = json.loads(out.pop("attacked.verdict.json"))
    del document["seconds"]
    for row in document["stages"]:
        for name in COSTS:
            del row[name]
    return out, document


def same_outcome(folder, other):
    one, two = (files(each)[1] for each in (folder, other))
    assert one["stages"] == two["stages"] and one["identity"] == two["identity"]
    first, second = (read(each / "attacked") for each in (folder, other))
    assert first.key_texts() == second.key_texts()
    for name, tolerance in (("adversarial", 1e-6), ("logits", 1e-4), ("perturbation", 1e-6)):
        difference = np.abs(first.fields[name] - second.fields[name])
        assert difference.max() <= tolerance
    for name in ("attack", "prediction", "clean_prediction", "picture_fools"):
        assert first.fields[name].tolist() == second.fields[name].tolist()
