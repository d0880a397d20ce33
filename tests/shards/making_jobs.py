"""A job that writes a set, and what it leaves."""

from making import images, pieces

from advlib.shards.chunk import skip_images
from advlib.shards.writer import Writer

JOB = {"from": "the test"}

CHUNK = images(23)


def files(folder):
    """All files, hidden ones and those in folders too, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def job(folder, layout="chunk", what=JOB, chunk=CHUNK):
    """Do the job, or what is left of it; returns with how many images it began."""
    with Writer(str(folder / "a"), layout, chunk=2, shard=4, job=what) as writer:
        begun = writer.images
        for piece in skip_images(pieces(chunk, 3), begun):
            writer.write(piece)
    return begun


class Stop(BaseException):
    """What no one catches, as a kill."""
