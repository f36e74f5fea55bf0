"""What a user writes, under a strict type checker."""

import earthloom
from earthloom import EarthloomError, metrics

scene = earthloom.load_sample()
sharp = earthloom.pansharpen(scene.pan, scene.ms, method="gsa", sensor=scene.sensor, refine=1)
path = earthloom.pansharpen("pan.tif", "ms.tif", output="sharp.tif")
print(metrics.ergas(sharp, scene.truth, ratio=scene.ratio), path)
print(earthloom.evaluate(sharp, scene.truth, ratio=scene.ratio).figures["ergas"])
try:
    report = earthloom.evaluate("sharp.tif", pan="pan.tif", ms="ms.tif")
    print(report.figures["hqnr"], report.title, report.rows)
except EarthloomError as wrong:
    print(wrong)
names: list[str] = earthloom.methods.names("bandpass")
diagnosis = earthloom.doctor(self_test=False)
print(names, diagnosis.ok, earthloom.__version__, earthloom.info("pan.tif"))
for verb in (
    earthloom.sharpen,
    earthloom.predict,
    earthloom.series,
    earthloom.superresolve,
    earthloom.align,
    earthloom.decloud,
):
    print(verb.__name__)
