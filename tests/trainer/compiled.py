"""Loads the compiled loops of a fit: imported by the process that `forked` forks only."""

import numpy as np
from scipy import sparse

from modelsystem_trainer.fit import METHODS, Parameters, fit

for method in METHODS:
    fit(sparse.csr_array(np.ones((3, 3), np.float32)), Parameters(method), 2)
