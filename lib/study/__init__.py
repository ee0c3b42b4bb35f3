"""The side of the workflow: what a study is, what it runs, what it can cost."""
