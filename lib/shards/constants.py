"""Facts of the shard format that options, writers and readers share; loads no NumPy.

advshards(5) is the reference.
"""

FORMAT, VERSION = "advshards", 1  # of the index and of the description in each shard
LAYOUTS = ("chunk", "sample")  # see chunk_layout.py and sample_layout.py
IMAGES_PER_CHUNK = 1000  # where nothing else is said
IMAGES_PER_SHARD = {"chunk": 100_000, "sample": 10_000}  # by layout, where nothing else is said
MOST_CLASSES = 1 << 20  # a label above is damage: counting the classes would take all memory
DESCRIPTION = "__advshards__"  # the first member: no field, so that webdataset passes over it
SUFFIX = ".index.json"  # of a set's index
DTYPES = "__dtypes__"  # in the json of a sample: types of fields that are not those of JSON
RESERVED = frozenset(  # no field's name
    {"image", "label", "key", "keys", "number", "first", "n", DTYPES}
)
