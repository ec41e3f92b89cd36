"""What a person uploads becomes rows to learn from, or a list of what is wrong with each line."""
