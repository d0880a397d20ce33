"""Inner values of the U-Nets against the public code's."""

import numpy as np
import pytest
import torch
from reference import FORMS, assert_near, network


@pytest.mark.parametrize("form", FORMS)
def test_state_embedding_and_every_block_are_those_of_the_public_code(form):
    numbers, made = FORMS[form], network(form)
    assert [*made.state_dict()] == [str(name) for name in numbers["state_dict_order"]]
    seen, hooks = {}, []
    parts = {f"enc.{n}": m for n, m in made.model.enc.items()}
    parts |= {f"dec.{n}": m for n, m in made.model.dec.items()}
    parts |= {"noise": made.model.map_noise}
    for name, part in parts.items():
        keep = lambda module, given, found, name=name: seen.setdefault(name, found)  # noqa: E731
        hooks.append(part.register_forward_hook(keep))
    x, sigma, label = (torch.from_numpy(numbers[n]) for n in ("x", "sigma", "labels"))
    try:
        with torch.no_grad():
            made(x, sigma, label)
    finally:
        for hook in hooks:
            hook.remove()
    assert_near(seen["noise"], numbers["noise_embedding"])
    for name, (mean, deviation) in zip(
        numbers["block_names"], numbers["block_mean_std"], strict=True
    ):
        found = seen[str(name)]
        assert float(found.mean()) == pytest.approx(mean, abs=1e-4), name
        assert float(found.std(correction=0)) == pytest.approx(deviation, abs=1e-4), name
    given = torch.nn.functional.one_hot(label, 10).float()
    noise = torch.from_numpy(numbers["sigma"]).float().log() / 4
    with torch.no_grad():
        assert_near(made.model._embedding(noise, given, None), numbers["embedding"])


def test_images_do_not_see_each_other():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 16, 16))).float()
    with torch.no_grad():
        together = network("ncsnpp")(x, 1.0)
        alone = torch.cat([network("ncsnpp")(image[None], 1.0) for image in x])
    assert_near(together, alone, 1e-5)
