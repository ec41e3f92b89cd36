"""The kinds of adapters, a chapter each: where they sit, how they begin, what their steps need."""
