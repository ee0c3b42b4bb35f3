"""What training data to buy with a budget in dollars: from people, from a language model, or both.

A package for each notebook (generation, labeling, diversity, training, budget) over what all share: core, teacher, plotting; and
study, the side of the workflow. One rule: study may import the five, the five may import teacher, plotting and core, teacher and
plotting may import core; the five never import each other.
"""

import os

# Threads that wait for each other give the core away meanwhile. If they spun, as is usual, one busy neighbour on the machine
# would make training on two cores some twenty times slower. It is read when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
