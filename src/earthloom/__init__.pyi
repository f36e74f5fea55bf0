from earthloom import methods as methods
from earthloom import metrics as metrics
from earthloom import sensors as sensors
from earthloom.errors import EarthloomError as EarthloomError
from earthloom.errors import EarthloomWarning as EarthloomWarning
from earthloom.prepare.bandpass.transform import Transform as Transform
from earthloom.raster.metadata.stac_items import assets as assets
from earthloom.raster.remote import sign_urls as sign_urls
from earthloom.report.plots.plot import plot as plot
from earthloom.report.progress import progress_bar as progress_bar
from earthloom.training.cases.open import cases as cases
from earthloom.verbs.align import align as align
from earthloom.verbs.batch import batch as batch
from earthloom.verbs.benching.bench import bench as bench
from earthloom.verbs.compare import compare as compare
from earthloom.verbs.convert import convert as convert
from earthloom.verbs.decloud import decloud as decloud
from earthloom.verbs.doctor import doctor as doctor
from earthloom.verbs.evaluate import evaluate as evaluate
from earthloom.verbs.exporting.export import export as export
from earthloom.verbs.fit_alignment import fit_alignment as fit_alignment
from earthloom.verbs.info import info as info
from earthloom.verbs.leave_one_out import leave_one_out as leave_one_out
from earthloom.verbs.pansharpen import pansharpen as pansharpen
from earthloom.verbs.predict import predict as predict
from earthloom.verbs.report import report as report
from earthloom.verbs.revisit import revisit as revisit
from earthloom.verbs.sampling.sample import load_sample as load_sample
from earthloom.verbs.series import series as series
from earthloom.verbs.sharpen import sharpen as sharpen
from earthloom.verbs.simulate import simulate as simulate
from earthloom.verbs.superresolve import superresolve as superresolve
from earthloom.verbs.train import train as train
from earthloom.verbs.unfinished import unfinished as unfinished
from earthloom.version import __version__ as __version__

__all__ = [
    "EarthloomError", "EarthloomWarning", "Transform", "__version__", "align", "assets", "batch", "bench", "cases",
    "compare", "convert",
    "decloud", "doctor",
    "evaluate", "export", "fit_alignment", "info", "leave_one_out", "load_sample", "methods", "metrics",
    "pansharpen", "plot", "predict", "progress_bar", "report", "revisit", "sensors", "series", "sharpen", "sign_urls",
    "simulate", "superresolve", "train", "unfinished",
]  # fmt: skip
