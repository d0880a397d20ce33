"""What surrounds a graph: few shapes, nothing that aliases, gradients as without.

No GPU is needed: in the place of graphs stands a function that writes to one memory, as they do.
"""

import pytest
import torch

from advlib.jobs.cuda_graphs import MOST, SHAPES, Replayed


def network(images):
    return (images**2).flatten(1).cumsum(1)[:, -3:]


class Graph(torch.autograd.Function):
    """Like a graph: results and gradients lie where the ones before lay."""

    @staticmethod
    def forward(context, images, memory):
        context.memory = memory
        context.save_for_backward(images)
        memory["out"].copy_(network(images))
        return memory["out"].detach()

    @staticmethod
    def backward(context, gradient):
        (images,) = context.saved_tensors
        with torch.enable_grad():
            leaf = images.detach().requires_grad_()
            (found,) = torch.autograd.grad(network(leaf), leaf, gradient)
        return context.memory["gradient"].copy_(found), None


class Graphs:
    def __init__(self):
        self.shapes = []

    def make(self, asked, images):
        assert asked is network
        self.shapes.append(tuple(images.shape))
        memory = {"out": network(images).clone(), "gradient": torch.zeros_like(images)}
        return lambda x: Graph.apply(x, memory)


class OnGPU(Replayed):
    """The same for images on CPUs."""

    def __call__(self, images):
        return self._replay(images) if 0 < len(images) <= MOST else self._network(images)


def pictures(count, seed=0):
    return torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_images_on_cpus_go_through_the_network():
    def make(*about):
        raise AssertionError("a graph on a CPU")

    images = pictures(5)
    assert torch.equal(Replayed(network, make=make)(images), network(images))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 33, MOST])
def test_logits_and_gradients_are_the_networks(count):
    replayed = OnGPU(network, make=Graphs().make)
    leaf, other = (pictures(count, 1).requires_grad_() for _ in range(2))
    found, expected = replayed(leaf), network(other)
    assert torch.equal(found, expected)
    for k in range(3):  # one pass forward, several back
        (mine,) = torch.autograd.grad(found[:, k].sum(), leaf, retain_graph=True)
        (its,) = torch.autograd.grad(expected[:, k].sum(), other, retain_graph=True)
        assert torch.equal(mine, its)


def test_what_was_found_stays_when_the_next_is_asked():
    replayed = OnGPU(network, make=Graphs().make)
    parts, gradients = [], []
    for seed in range(3):
        leaf = pictures(4, seed).requires_grad_()
        parts.append(replayed(leaf))
        gradients += torch.autograd.grad(parts[-1].sum(), leaf)
    for seed in range(3):
        leaf = pictures(4, seed).requires_grad_()
        expected = network(leaf)
        assert torch.equal(parts[seed], expected)
        assert torch.equal(gradients[seed], torch.autograd.grad(expected.sum(), leaf)[0])


def test_few_graphs_do_for_all_counts_of_images():
    graphs = Graphs()
    replayed = OnGPU(network, make=graphs.make)
    for count in (16, 9, 15, 7, 5, 64, 40, 12, 100):
        images = pictures(count)
        assert torch.equal(replayed(images), network(images))
    assert [shape[0] for shape in graphs.shapes] == [16, 8, 64]


def test_a_batch_whose_images_belong_together_is_never_filled_up():
    graphs = Graphs()
    replayed = OnGPU(network, separate=False, make=graphs.make)
    for count in (9, 9, 3, 5, 6, 7, 10):
        images = pictures(count)
        assert torch.equal(replayed(images), network(images))
    assert [shape[0] for shape in graphs.shapes] == [9, 3, 5, 6] and len(graphs.shapes) == SHAPES
