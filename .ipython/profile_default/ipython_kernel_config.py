# Kernels that Snakemake starts: without the warning about loopback TCP that each would print.
c.IPKernelApp.log_level = 40  # noqa: F821
