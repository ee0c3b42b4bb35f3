"""What training data to buy with a budget in dollars: from people, from a language model, or both.

The modules, in the order of the data. Examples: paths, checked, sources, tasks, records. A language model and its bill:
prices, store, teacher, endpoint, teachers. Asking it: prompts, replies, duplicates, written, generation, dialogues, creation,
marking, framing, labeling, checking, rephrasing. Measuring: metrics, agreement, encoders, diversity, bias, drift, frequencies.
Training: matching, readers, heads, students, sweep, errors. Answering: budget, comparison, domains, surface, answers, claims,
findings, plots, score_plots, budget_plots, text_plots, domain_plots, report, panel. Running: parameters, code, studies,
synthetic, costs, summary.
"""

import os

# Threads that wait for each other give the core away meanwhile. If they spun, as is usual, one busy neighbour on the machine
# would make training on two cores some twenty times slower. It is read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
