"""What training data to buy with a budget in dollars: from people, from a language model, or both.

The modules, in the order of the data: tasks, sources and records hold examples; prices, store and teacher reach a language
model and keep its bill; prompts, generation and labeling ask it; diversity and metrics measure; encoders, students
and sweep train; budget and plots answer; studies says what a study runs.
"""
