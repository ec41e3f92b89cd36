"""Everything that is remembered: settings, run specs, tables, metrics and files."""
