"""Imported before the training libraries: keeps one from telling of a kernel that nobody misses."""

import logging

# On a processor it looks for an optional kernel on the hub and says each time that there is none.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
