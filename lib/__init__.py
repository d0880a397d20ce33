"""Everything the adv* commands do; a room (sub-package) per stage of the study.

Importing a room imports none of its siblings, so that a command pays only for what it uses.
"""

__version__ = "0.1.0"
