"""What every command shares: errors and signals, options, reading and writing, progress.

Imported by tools alone.
"""

from advlib.cli.images import (
    copy,
    layout_options,
    meter,
    open_images,
    open_writer,
    output_option,
    seekable,
    sets_argument,
    standard_input,
    temporary_folder,
)
from advlib.cli.options import (
    FLOPS,
    NUMBERS,
    Count,
    columns_option,
    fit_arguments,
    format_option,
    quality_options,
    seed_option,
    where_option,
)
from advlib.cli.output import (
    history_entry,
    history_of,
    note,
    open_inputs,
    progress,
    read_fits,
    say_uncertain,
    stream_name,
    write_document,
    write_rows,
)
from advlib.cli.selecting import images_where_option, keys_option, selection, selection_options
from advlib.cli.tool import Tool
from advlib.cli.training import recipe_options, training_meter
from advlib.files import atomic_write

__all__ = [
    "FLOPS",
    "NUMBERS",
    "Count",
    "Tool",
    "atomic_write",
    "columns_option",
    "copy",
    "fit_arguments",
    "format_option",
    "history_entry",
    "history_of",
    "images_where_option",
    "keys_option",
    "layout_options",
    "meter",
    "note",
    "open_images",
    "open_inputs",
    "open_writer",
    "output_option",
    "progress",
    "quality_options",
    "read_fits",
    "recipe_options",
    "say_uncertain",
    "seed_option",
    "seekable",
    "selection",
    "selection_options",
    "sets_argument",
    "standard_input",
    "stream_name",
    "temporary_folder",
    "training_meter",
    "where_option",
    "write_document",
    "write_rows",
]  # fmt: skip
