"""Modules that stand beside a researcher's own network, for its code and for nobody else's."""

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType

# packages that the commands themselves import, some of them late
USED = {
    *("PIL", "advlib", "advtools", "braceexpand", "click", "h5py", "httpx", "matplotlib", "numpy"),
    *("pyautoattack", "rich", "safetensors", "scipy", "statsmodels", "torch", "torchvision"),
}
PACKAGES = {"site-packages", "dist-packages"}
LIBRARIES = tuple(
    os.path.join(folder, "")
    for folder in (sysconfig.get_path("stdlib"), Path(__file__).absolute().parents[1])
)
# files of frames that only pass an import on: importlib's, and code made of text
PASSING = ("<", str(Path(importlib.util.__file__).parent))
UNPICKLING = "find_class"  # where an unpickler imports the modules that a user's file names


class Neighbours(MetaPathFinder):
    """Finds modules of a folder before installed ones where a file of the folder imports them.

    On sys.path the folder would be everybody's: a `random.py` of it would be taken for the
    standard library's by whichever package imports that for the first time.  Names of the standard
    library and of packages that the commands use are never found here, nor are folders without code
    in the place of installed packages.
    """

    def __init__(self, folder: str):
        """The folder's path, absolute."""
        self.folder = folder
        self.named = ""  # the module that anybody may import from here

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module of the folder, if it is for the code that asks."""
        if path is not None or name in USED or name in sys.stdlib_module_names:
            return None
        if name != self.named and not self._asks(sys._getframe(1)):
            return None
        found = PathFinder.find_spec(name, [self.folder])
        if found and not found.origin:  # a folder, as of data, which Python too takes last
            return PathFinder.find_spec(name) or found
        return found

    def _asks(self, frame: FrameType | None) -> bool:
        """Whether it is code of the folder that imports."""
        while frame and frame.f_code.co_filename.startswith(PASSING):
            frame = frame.f_back
        if frame is None:
            return False
        if frame.f_code.co_name == UNPICKLING:
            return True
        file = frame.f_code.co_filename
        return Path(file).is_relative_to(self.folder) and not is_installed(file)


def is_installed(file: str) -> bool:
    """Whether a file of code, by its path, is of Python, a package or this project."""
    return file.startswith(LIBRARIES) or not PACKAGES.isdisjoint(Path(file).parts)


def let_import(name: str, folder: str) -> None:
    """Let the module of that name be imported from a folder, and its code import what is beside it.

    name: with dots for one in a package.  For good: code may import more when it is called.
    """
    known = (f for f in sys.meta_path if isinstance(f, Neighbours) and f.folder == folder)
    finder = next(known, None)
    if finder is None:
        finder = Neighbours(folder)
        sys.meta_path.insert(0, finder)
    finder.named = name.partition(".")[0]
