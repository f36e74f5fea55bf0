"""Laws and contracts that take more than about a second of one core: `make quick` leaves them to `make test`.

Every law stays in `make quick` with the methods and sizes that are cheap; here are those that cost most of the time.
"""

from __future__ import annotations

import re

SLOW = {  # file below tests/: what its slow tests are called
    "contract/runners/test_dates.py": r"travels\[(starfm|fit_fc)|whoever_predicts|left_out",
    "contract/runners/test_runners.py": r"whoever_did_it\[(predict|superresolve|align)",
    "contract/test_bandpass.py": r"test_(tiled|nodata)\w*\[(unet_lut|cdf_match|robust|cross_)",
    "contract/test_cloud_removal.py": r"test_(missing|tiled|declared_halo)\w*\[cf2n",
    "contract/test_contract.py": r"test_(tiled_equals_whole|any_ratio\w*|nodata\w*)\[(cf2n|coarse|pannet|pnn|fusion"
    r"|dlpan|panbench|adwm)",
    "contract/test_refine.py": r"test_holes\w*\[(gsa|mtf_glp_hpm|pracs|cnmf)|tiled\w*\[mtf_glp_hpm",
    "contract/test_spatiotemporal.py": r"spstfm|tiled_equals_whole\[starfm|refined|test_(masks|float32|units"
    r"|better|declared_halo|deterministic|flat|tiled_equals_whole)\w*\[(estarfm|fsdaf|fit_fc)",
    "contract/test_superresolution.py": r"test_(tiled|holes|declared|float32|units)\w*\[(dualsr|coarsr|sfcsr|fcnn)",
    "contract/test_unmixing.py": r"fsdaf|class_map|second_date|test_masks",
    "e2e/test_bench.py": r"whoever_runs|alignment|pancollection|all_that_is_written|a_manifest|of_the_project"
    r"|parts_of_one|scenes_by_role",
    "golden/test_dlpan.py": r"(real_images|as_a_method|tiles)\w*\[.*(drpnn|msdcnn)|holes|geometry",
    "golden/test_panbench_adwm.py": r"tiles|as_a_method",
    "laws/test_align_blocks.py": r"test_(a_cloud|what_lies)\w*\[.*(robust|rma|cdf_match|monotone_lut|cross_)",
    "laws/test_refine.py": r"test_the_residual_is_that_of_the_scene|every_step\w*\[.*toolbox",
}


def is_slow(path: str, name: str) -> bool:
    """Whether a test, by its file below ``tests`` and its name with its parameters, is left to `make test`."""
    return path in SLOW and re.search(SLOW[path], name) is not None
