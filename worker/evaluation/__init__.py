"""Many questions put to several models, and what is made of their answers; torch is loaded late."""
