"""The encoder of ADM against the public code's outputs."""

import pytest
import torch
from reference import DG, assert_near

from advlib.generators.adm_encoder import ADMEncoder, EncoderSpec, encoder_spec, time_embedding

HEADS = 16  # channels of a head in the tiny networks


def tensors(which):
    head = f"{which}_sd/"
    found = {k: torch.from_numpy(DG[k]).float() for k in DG.files if k.startswith(head)}
    return {name.removeprefix(head): value for name, value in found.items()}


def encoder(which):
    kept = tensors(which)
    made = ADMEncoder(encoder_spec(kept, HEADS)).eval().requires_grad_(False)
    made.load_state_dict(kept)
    return made


TIME, LABEL = torch.from_numpy(DG["time"]), torch.from_numpy(DG["labels"])


def test_outputs_are_the_public_codes():
    images, maps = torch.from_numpy(DG["x"]), torch.from_numpy(DG["feature"])
    assert_near(time_embedding(TIME, 32), DG["time_embedding_32"])
    assert_near(encoder("extractor").features(images, TIME), maps)
    assert_near(encoder("extractor")(images, TIME), DG["extractor_logits"])
    assert_near(encoder("discriminator")(maps, TIME, LABEL)[:, 0], DG["discriminator_logit"])


@pytest.mark.parametrize(
    ("spec", "parameters"),
    [
        (EncoderSpec(3, 32, 128, (1, 2, 4), 4, (0, 1, 2), 1000), 47.77e6),
        (EncoderSpec(512, 8, 128, (1,), 2, (0,), 1, 1000), 3.40e6),
    ],
    ids=["extractor", "discriminator"],
)
def test_the_released_sizes_have_the_released_parameters_and_are_read_off(spec, parameters):
    with torch.device("meta"):
        made = ADMEncoder(spec)
    assert sum(p.numel() for p in made.parameters()) == pytest.approx(parameters, rel=2e-3)
    assert encoder_spec(made.state_dict()) == spec


def test_names_and_order_are_those_of_the_public_code():
    for which in ("extractor", "discriminator"):
        kept = tensors(which)
        assert list(ADMEncoder(encoder_spec(kept, HEADS)).state_dict()) == list(kept)
