"""What all notebooks share: tasks, example sets, mixes, metrics, files. It loads neither torch nor openai nor matplotlib."""
