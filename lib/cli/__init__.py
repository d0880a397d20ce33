"""What every command shares: errors and signals, options, reading and writing, progress.

Imported by tools alone.
"""

from advlib.cli.attacking import attack_meter, parse_radius, pgd_options
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
from advlib.cli.networks import (
    device_name,
    history_with,
    network_identity,
    network_options,
    open_checkpoint,
    open_network,
    versions,
)
from advlib.cli.options import (
    FLOPS,
    NUMBERS,
    Count,
    columns_option,
    fit_arguments,
    format_option,
    option,
    quality_options,
    seed_option,
    setting_options,
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
from advlib.cli.verdicts import finished, keep_verdict, same_set, shards_digest
from advlib.jobs.files import atomic_write

__all__ = [
    "FLOPS",
    "NUMBERS",
    "Count",
    "Tool",
    "atomic_write",
    "attack_meter",
    "columns_option",
    "copy",
    "device_name",
    "finished",
    "fit_arguments",
    "format_option",
    "history_entry",
    "history_of",
    "history_with",
    "images_where_option",
    "keep_verdict",
    "keys_option",
    "layout_options",
    "meter",
    "network_identity",
    "network_options",
    "note",
    "open_checkpoint",
    "open_images",
    "open_inputs",
    "open_network",
    "open_writer",
    "option",
    "output_option",
    "parse_radius",
    "pgd_options",
    "progress",
    "quality_options",
    "read_fits",
    "recipe_options",
    "same_set",
    "say_uncertain",
    "seed_option",
    "seekable",
    "selection",
    "selection_options",
    "sets_argument",
    "setting_options",
    "shards_digest",
    "standard_input",
    "stream_name",
    "temporary_folder",
    "training_meter",
    "versions",
    "where_option",
    "write_document",
    "write_rows",
]
