"""The settings of a run, by the group in which the form shows them; `storage.specs` joins them."""
