"""The JSON API: the services once more, for programs; one module a noun."""
