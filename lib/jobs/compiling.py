"""Networks that torch.compile compiles, without the silence in which it gives up."""

import contextlib
from collections.abc import Iterator

import torch

from advlib.errors import CannotError


@contextlib.contextmanager
def few_graphs(*, eager: bool = False) -> Iterator[None]:
    """Where compiled networks are called.  eager: leave them uncompiled in this block.

    Raises CannotError where PyTorch would give up compiling without a word.
    """
    from torch._dynamo import config, exc

    limit = config.patch(fail_on_recompile_limit_hit=True)
    try:
        with torch.compiler.set_stance("force_eager" if eager else "default"), limit:
            yield
    except exc.FailOnRecompileLimitHit as err:
        raise CannotError(
            f"--compile: the network was compiled {config.recompile_limit} times, and steps still"
            " differ: train without it"
        ) from err
