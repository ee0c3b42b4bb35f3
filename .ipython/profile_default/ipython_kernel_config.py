# Kernels that Snakemake and make start: without the warning about loopback TCP that each would print, and without an "error" that
# they were interrupted, which is how each is ended. What goes wrong in a notebook is in the notebook.
c.IPKernelApp.log_level = 50  # noqa: F821
