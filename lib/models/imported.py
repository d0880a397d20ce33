"""What Python code named as `module:name` holds or makes, found by running it."""

import contextlib
import difflib
import functools
import importlib
import inspect
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from advlib.errors import CannotError, DataError
from advlib.jobs.memory import is_out_of_memory
from advlib.models.neighbours import is_installed, let_import

SPEC = re.compile(r"[^\W\d][\w-]*(\.[^\W\d][\w-]*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
MISSING = object()
LONGEST = 400  # characters of another's message: torch may list a thousand weights
EXPECTED = (
    "expected a torch.nn.Module, a function or class without arguments that makes one, "
    "or a function of images"
)


def network_of(spec: str) -> tuple[Callable[[Tensor], Any], str]:
    """The network that `package.module:name` is or makes, and "module", "made" or "function".

    THE CODE IS RUN; what it prints goes to standard error.  See callables.load_callable.
    Raises DataError, one line, where there is none, or the code fails.
    """
    if not SPEC.fullmatch(spec) or ".py:" in spec:
        raise DataError(f"model: found {spec!r}; expected package.module:name{suggestion(spec)}")
    with to_standard_error():
        return _network(spec, _attribute(spec))


def to_standard_error() -> contextlib.AbstractContextManager:
    """Where others' code runs: what it prints goes there, since standard output is for results."""
    return contextlib.redirect_stdout(sys.stderr)


@contextlib.contextmanager
def running(name: str, what: str, expected: str = "") -> Iterator[None]:
    """Others' code runs within: what it prints goes to standard error.

    Raises DataError, one line, for whatever it raises: name, `what` was done, the cause, and what
    was expected; out of memory and what is an error of ours already pass as they are.
    """
    try:
        with to_standard_error():
            yield
    except (DataError, CannotError):
        raise
    # of any kind; SystemExit of sys.exit would end the command as if all were done
    except (Exception, SystemExit, GeneratorExit) as err:
        if is_out_of_memory(err):
            raise
        hint = f"; expected {expected}" if expected else ""
        raise DataError(f"{name}: {what}: {cause_of(err)}{hint}") from err


def _attribute(spec: str) -> Any:
    module_name, _, path = spec.partition(":")
    let_import(module_name, os.getcwd())
    importlib.invalidate_caches()
    module = _run(module_name, "import", lambda: importlib.import_module(module_name))
    found, so_far = module, module_name
    for name in path.split("."):
        holder, found = found, _attribute_of(so_far, found, name)
        if found is MISSING:
            origin = getattr(module, "__file__", None) or "a built-in module"
            near = difflib.get_close_matches(name, dir(holder), 3)
            close = f"; close to it: {', '.join(near)}" if near else ""
            raise DataError(f"{so_far}: has no {name} ({origin}){close}")
        so_far += ("." if ":" in so_far else ":") + name
    return found


def _attribute_of(so_far: str, holder: Any, name: str) -> Any:
    # a module may compute its attributes, and fail
    return _run(so_far, name, lambda: getattr(holder, name, MISSING))


def _network(spec: str, found: Any) -> tuple[Callable[[Tensor], Any], str]:
    """The network that an attribute is or makes, and which kind it is."""
    if callable(found) and not isinstance(found, type) and _asynchronous(found):
        raise DataError(f"{spec}: is async, which gives no logits; {EXPECTED}")
    if isinstance(found, nn.Module):
        return found, "module"
    if not callable(found):
        hint = " (weights without a network?)" if isinstance(found, dict) else ""
        raise DataError(f"{spec}: found {kind_of(found)}{hint}; {EXPECTED}")
    needed = _needed(spec, found)
    if not needed:
        made = _run(spec, "call without arguments", found)
        if isinstance(made, nn.Module):
            return made, "made"
        drop(made)
        if callable(made) and _asynchronous(made):
            raise DataError(f"{spec}: returned what is async and gives no logits; {EXPECTED}")
        if not callable(made):
            raise DataError(f"{spec}: returned {kind_of(made)}; {EXPECTED}")
        return made, "function"
    if isinstance(found, type) or len(needed) > 1 or needed[0].kind is needed[0].KEYWORD_ONLY:
        names = ", ".join(parameter.name for parameter in needed)
        kind = "class" if isinstance(found, type) else "function"
        raise DataError(f"{spec}: found a {kind} that needs {names}; {EXPECTED}")
    return found, "function"


def _asynchronous(found: Any) -> bool:
    """Whether a call gives something to be awaited, not a result."""
    whole = inspect.unwrap(found.func if isinstance(found, functools.partial) else found)
    return any(
        inspect.iscoroutinefunction(part) or inspect.isasyncgenfunction(part)
        for part in (whole, getattr(whole, "forward", None), type(whole).__call__)
    )


def drop(value: Any) -> None:
    """Let go of what a call gave; a coroutine would complain that nobody awaited it."""
    if inspect.iscoroutine(value):
        value.close()


def _needed(spec: str, found: Callable) -> list[inspect.Parameter]:
    """The arguments that a call cannot do without."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        raise DataError(f"{spec}: its arguments cannot be read; {EXPECTED}") from None
    return [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def modules_of(network: Callable) -> list[nn.Module]:
    """The network, or the modules that a function names directly."""
    if isinstance(network, nn.Module):
        return [network]
    if isinstance(network, functools.partial):
        parts: list[Any] = [network.func, *network.args, *network.keywords.values()]
        return [module for part in parts if callable(part) for module in modules_of(part)]
    if inspect.ismethod(network):
        if isinstance(network.__self__, nn.Module):
            return [network.__self__]
        parts = [*getattr(network.__self__, "__dict__", {}).values()]
    elif inspect.isfunction(network):
        named = inspect.getclosurevars(inspect.unwrap(network))
        parts = [*named.nonlocals.values(), *named.globals.values()]
    else:
        parts = [*getattr(network, "__dict__", {}).values()]
    return [part for part in parts if isinstance(part, nn.Module)]


def kind_of(value: Any) -> str:
    """What a value is, in words for messages, as "float32 (3, 10)" or "a list of 2"."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if value is None:
        return "None"
    name = type(value).__name__
    size = f" of {len(value)}" if isinstance(value, (tuple, list, dict)) else ""
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}{size}"


def _run(name: str, what: str, call: Callable[[], Any]) -> Any:
    """What the call returns; DataError with its cause where it fails."""
    with running(name, what):
        return call()


def cause_of(err: BaseException) -> str:
    """An exception's type, text and, in the user's own code, file and line; one line."""
    text = textwrap.shorten(str(err), LONGEST, placeholder=" ...")
    cause = f"{type(err).__name__}: {text}" if text else type(err).__name__
    for frame in reversed(traceback.extract_tb(err.__traceback__)):
        if not (frame.filename.startswith("<") or is_installed(frame.filename)):
            return f"{cause} ({frame.filename}, line {frame.lineno})"
    return cause


def suggestion(spec: str) -> str:
    """What was probably meant."""
    path, _, name = spec.partition(":")
    dotted = os.path.normpath(path).removesuffix(".py").replace(os.sep, ".")
    better = f"{dotted}:{name or 'name'}"
    return f", as {better}" if path and SPEC.fullmatch(better) else ""
