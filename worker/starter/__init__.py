"""The starter model: a small language model about everyday health, built on the spot."""
