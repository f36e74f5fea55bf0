"""What must hold before anything else is imported: threads of the maths, and how annotations are checked.

One thread for BLAS, OpenMP and torch: the suite runs in as many processes as there are cores, its matrices are small,
and threads that wait for each other in a loop took most of its time. Processes that tests start inherit it. An int
will do where a float is asked for (PEP 484).
"""

import os

from beartype import BeartypeConf, beartype
from threadpoolctl import threadpool_limits

for one in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(one, "1")
threadpool_limits(1)  # what pytest's plugins have loaded already

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
