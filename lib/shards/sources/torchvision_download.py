"""Downloads by torchvision: they end, print to standard error, and fail in one line."""

import contextlib
import http.client
import socket
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from advlib.errors import CannotError

TIMEOUT = 60  # seconds without a byte, after which a download has failed


@contextlib.contextmanager
def downloading(name: str, root: Path, urls: list[str], where: Path) -> Iterator[None]:
    """A block in which torchvision downloads: what it prints goes to standard error.

    name: of the data set.  root: where it is looked for.  urls, where: the files that a person may
    fetch instead, and the folder to put them into.
    Raises CannotError, one line, for all in which a download fails.
    """
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torchvision sets none and would wait for ever
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (OSError, RuntimeError, EOFError, http.client.HTTPException, tarfile.TarError) as err:
        files = ", ".join(url.rpartition("/")[2] for url in urls)
        reason = " ".join(str(err).split()) or type(err).__name__
        raise CannotError(
            f"{name}: not whole in {root}, and could not be downloaded ({reason}); "
            f"put {files} from {urls[0].rpartition('/')[0]}/ into {where}"
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)
