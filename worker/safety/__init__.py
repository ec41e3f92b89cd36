"""Safety rules at work: what is asked and what is answered is held against a profile."""
