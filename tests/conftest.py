"""Numerical libraries get one thread each, because tests run side by side; properties are not timed, because machines
differ."""

import os

import hypothesis

for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(library, "1")
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")
