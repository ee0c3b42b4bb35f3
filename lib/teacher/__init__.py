"""The language model: reach it, pay for it, read its replies."""
