"""Laws and contracts that take more than about a second of one core: `make quick` leaves them to `make test`.

Every law stays in `make quick` with the methods and sizes that are cheap; here are those that cost most of the time.
"""

from __future__ import annotations

import re

EACH = r"^"  # all of a file
SLOW = {  # file below tests/: what its slow tests are called
    "contract/formats/test_guide.py": r"somebody_else",
    "contract/runners/test_cluster.py": EACH,
    "contract/runners/test_dates.py": r"travels\[(starfm|fit_fc)|whoever_predicts|left_out",
    "contract/runners/test_runners.py": r"whoever_did_it\[",
    "contract/sinks/test_zarr.py": EACH,
    "contract/test_auto.py": r"whoever|who_works|say_what",
    "contract/test_auto_dates.py": EACH,
    "contract/test_bandpass.py": r"test_(tiled|nodata)\w*\[(unet_lut|cdf_match|robust|cross_)",
    "contract/test_cloud_removal.py": r"test_(missing|tiled|declared_halo)\w*\[(cf2n|cloud_unet)",
    "contract/test_contract.py": r"test_(tiled_equals_whole|any_ratio\w*|nodata\w*)\[(cf2n|coarse|pannet|pnn|fusion"
    r"|dlpan|panbench|adwm|hpm_cnn)|many_bands",
    "contract/test_refine.py": r"test_holes\w*\[(gsa|mtf_glp_hpm|pracs|cnmf)|tiled\w*\[mtf_glp_hpm",
    "contract/test_spatiotemporal.py": r"spstfm|tiled_equals_whole\[starfm|refined|test_(masks|float32|units"
    r"|better|declared_halo|deterministic|flat|tiled_equals_whole)\w*\[(estarfm|fsdaf|fit_fc)",
    "contract/test_superresolution.py": r"test_(tiled|holes|declared|float32|units)\w*\[(dualsr|coarsr|sfcsr|fcnn)",
    "contract/test_unmixing.py": r"fsdaf|class_map|second_date|test_masks",
    "contract/verbs/test_comparisons.py": EACH,
    "contract/verbs/test_mixes.py": EACH,
    "contract/verbs/test_provenance.py": EACH,
    "contract/verbs/test_quality.py": EACH,
    "contract/verbs/test_reports.py": EACH,
    "contract/verbs/test_resume.py": r"adapt|killed|afresh",
    "e2e/test_bench.py": r"whoever_runs|alignment|pancollection|all_that_is_written|a_manifest|of_the_project"
    r"|parts_of_one|scenes_by_role",
    "golden/test_dlpan.py": r"(real_images|as_a_method|tiles)\w*\[.*(drpnn|msdcnn)|holes|geometry",
    "golden/test_panbench_adwm.py": r"tiles|as_a_method",
    "laws/test_align_blocks.py": r"test_(a_cloud|what_lies)\w*\[.*(robust|rma|cdf_match|monotone_lut|cross_)",
    "laws/test_align_register.py": EACH,
    "laws/test_documents.py": r"any_text",
    "laws/test_fast_convolution.py": r"channels0-",
    "laws/test_lookup.py": r"looked_up_before|make_no_seams",
    "laws/test_refine.py": r"test_the_residual_is_that_of_the_scene|every_step\w*\[.*toolbox",
}


def is_slow(path: str, name: str) -> bool:
    """Whether a test, by its file below ``tests`` and its name with its parameters, is left to `make test`."""
    return path in SLOW and re.search(SLOW[path], name) is not None
