"""The batches of ``kernels.batch`` on a CUDA device, compiled by numba from the same functions."""
