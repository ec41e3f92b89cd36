"""Everything that takes long or needs a GPU: queue tasks, supervisor, training, chat, imports."""
