"""What training data to buy with a budget in dollars: from people, from a language model, or both.

The modules, in the order of the data. Examples: paths, checked, sources, tasks, records. A language model and its bill:
prices, store, teacher, endpoint, teachers. Asking it: prompts, replies, generation, labeling. Measuring: metrics, encoders,
diversity. Training: readers, heads, students, sweep, errors. Answering: budget, plots. Running: parameters, code, studies,
summary.
"""
