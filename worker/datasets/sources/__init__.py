"""From a file as people have it to records as JSON text, whatever the format, in bounded memory.

`opening.opened(path, limits)` recognises by its content what a file is and gives one `Part` for
each table or list in it: several for an archive or an object with several lists. A part's
`batches()` may be walked any number of times and gives the same records every time. A record is
the bytes of one JSON value, or a `Refusal` where not even that can be had. Bytes that are not
UTF-8, broken JSON and odd rows are passed on as they are, for the judge to explain line by line;
only a file that is unusable as a whole is refused here, with a `StudioError`, either on opening or,
where the damage lies further in, while it is read.

A record holds a line end only where it is not strict JSON: an element of a JSON array written over
several lines comes on one line.
"""
