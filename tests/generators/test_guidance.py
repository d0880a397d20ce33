"""Discriminator guidance where the log ratio is known, and its times against the public code's."""

import numpy as np
import torch
from mixture import noise
from reference import DG

from advlib.generators.guidance import Guidance, vp_scale, vp_time
from advlib.generators.solvers.heun import Churn, Heun
from advlib.generators.solvers.solver import Field

REAL, GENERATED = torch.tensor([[0.4, -0.2], [0.1, 0.3]], dtype=torch.float64)


def ratio(images, tau):
    """ln p - ln q of real and generated points that are N(mean, 1) at every time: linear."""
    flat = images.flatten(1)
    return flat @ (REAL - GENERATED).to(flat) - (REAL @ REAL - GENERATED @ GENERATED) / 2


def probability(images, tau):
    return torch.sigmoid(ratio(images, tau))


def test_the_term_is_the_gradient_of_a_known_log_ratio():
    x = noise(5, 1.0)
    levels = torch.tensor([0.05, 0.3, 1.0, 7.0, 79.0], dtype=torch.float64)
    found = Guidance(probability, weight=1.5)(x, levels)
    scale = 1 / (1 + levels**2).sqrt()
    expected = -1.5 * (levels * scale)[:, None] * (REAL - GENERATED).double()
    torch.testing.assert_close(found.flatten(1), expected, rtol=1e-6, atol=1e-9)


def test_points_are_led_to_where_the_discriminator_sees_real_ones():
    """Generated points N(mu, s^2): the guided slope is that of the real distribution."""
    mean, other, s = REAL, GENERATED, 0.5

    def denoiser_of(mu):
        def denoise(x, level):
            share = s**2 / (s**2 + level**2)
            return share * x + (1 - share) * mu.reshape(1, 2, 1, 1).to(x)

        return denoise

    def discriminator(images, tau):
        scale = torch.exp(-(19.9 * tau**2 / 2 + 0.1 * tau) / 2).reshape(-1, 1)
        flat, variance = images.flatten(1), (scale * s) ** 2 + 1 - scale**2
        off = [(flat - scale * mu.to(flat)).square().sum(1) for mu in (mean, other)]
        return torch.sigmoid((off[1] - off[0]) / (2 * variance[:, 0]))

    x = noise(6, 1.3)
    guided = Field(denoiser_of(other), Guidance(discriminator)).slope(x, 1.3)
    torch.testing.assert_close(guided, Field(denoiser_of(mean)).slope(x, 1.3), rtol=0, atol=1e-9)


def test_nothing_is_added_outside_the_range_of_times():
    x, level = noise(2, 1.0), torch.tensor([0.01, 1.0], dtype=torch.float64)
    found = Guidance(probability)(x, level)
    assert not found[0].any() and found[1].all()
    guidance = Guidance(probability, low=0.0, high=0.1)
    assert not guidance(x, 80.0).any()
    assert guidance.ratio.tolist() == [1e7, 1e7]


def test_certain_discriminators_give_finite_terms():
    found = Guidance(lambda images, tau: torch.sigmoid(1e4 * images.flatten(1).sum(1)))
    assert found(noise(8, 50.0), 50.0).isfinite().all()
    assert found.ratio.abs().max() <= np.log(1e5) + 1e-6


def test_boosting_doubles_and_churns_where_images_look_generated_at_its_steps():
    x, level = noise(64, 1.0), 1.0
    look = ratio(vp_scale(torch.tensor(1.0)) * x, None)
    assert (look < 0).any() and (look > 0).any()
    once = Guidance(probability)(x, level)
    boosted = Guidance(probability, boosting=True)
    assert boosted.gamma(0, level, 18) == 0
    first, second = boosted(x, level), boosted(x, level)
    doubled = torch.where((look < 0)[:, None, None, None], 2 * once, once)
    torch.testing.assert_close(first, doubled)
    torch.testing.assert_close(second, once)
    assert boosted.gamma(4, level, 18) == 0
    torch.testing.assert_close(boosted.gamma(5, level, 18), (look < 0) * (4 / 18))
    torch.testing.assert_close(boosted.gamma(5, level, 2), (look < 0) * (2**0.5 - 1))


def test_churn_of_edm_is_between_its_levels_and_no_more_than_its_bound():
    churn = Churn(40, low=0.05, high=50)
    assert [churn.gamma(3, level, 256) for level in (0.04, 0.05, 50, 51)] == [
        0,
        40 / 256,
        40 / 256,
        0,
    ]
    assert churn.gamma(3, 1.0, 18) == 2**0.5 - 1


def test_heun_takes_the_guided_slope_first_and_the_plain_one_for_its_correction():
    calls = []
    field = Field(
        lambda x, level: 0 * x, lambda x, level: calls.append(level) or torch.zeros_like(x)
    )
    Heun().end(field, noise(1, 80.0), [80.0, 10.0, 1.0, 0.0])
    assert calls == [80.0, 10.0, 1.0]


def test_times_and_scales_are_those_of_the_public_code():
    level = torch.from_numpy(DG["sde_sigma"])
    np.testing.assert_allclose(vp_time(level), DG["sde_tau"], rtol=1e-9)
    np.testing.assert_allclose(vp_scale(level), DG["sde_mean"], rtol=1e-6)
