"""Times our corruptions and those of `imagecorruptions` on the same photographs; see corruptions.sh."""
import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ONE_THREAD = {n: "1" for n in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
PACKAGES = ["setuptools<80", "numpy<2", "scikit-image<0.21", "opencv-python-headless", "imagecorruptions", "scikit-learn",
            "pillow"]

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--json")
parser.add_argument("--seconds", type=float, default=0.5, help="for each corruption and side")
options = parser.parse_args()

venv = Path(os.environ.get("SOUP_CORRUPTIONS_VENV", ".venv-corruptions"))
if not (venv / "bin" / "python").exists():
    print(f"corruptions.sh: making {venv} with imagecorruptions (once)", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin" / "python", "-m", "pip", "install", "-q", *PACKAGES], check=True)
if Path(sys.prefix).resolve() != venv.resolve() or "OMP_NUM_THREADS" not in os.environ:
    python = str(venv / "bin" / "python")
    os.execve(python, [python, *sys.argv], {**os.environ, **ONE_THREAD})

import warnings  # noqa: E402

warnings.filterwarnings("ignore")
import cv2  # noqa: E402
import imagecorruptions.corruptions as peer  # noqa: E402
import numpy as np  # noqa: E402
import skimage.data  # noqa: E402
import skimage.filters  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.datasets import load_sample_images  # noqa: E402

cv2.setNumThreads(1)
# The package calls scikit-image by a name that newer versions have changed.
peer.gaussian = lambda image, sigma, multichannel=False, **rest: skimage.filters.gaussian(
    image, sigma, channel_axis=-1 if multichannel else None, **rest)

TEST = ["gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
        "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression"]
EXTRA = ["speckle_noise", "gaussian_blur", "spatter", "saturate"]
LAION = ["mosaic", "vertical_lines", "glitched", "luminance_checkerboard", "geometric_shapes", "stickers"]


def photographs():
    images = [getattr(skimage.data, n)() for n in ("astronaut", "coffee", "chelsea", "rocket")] + load_sample_images().images
    out = []
    for pixels in images:
        image = Image.fromarray(pixels).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize([round(s * scale) for s in image.size], Image.LANCZOS)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        out.append(np.asarray(image.crop((left, top, left + 224, top + 224))))
    return out


def theirs(kind, images):
    """The best round of five, as on our side."""
    function = getattr(peer, kind)
    images = [Image.fromarray(i) for i in images]
    np.uint8(np.asarray(function(images[0], 3)))
    best = float("inf")
    for _ in range(5):
        start, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() - start < options.seconds / 5:
            # The function takes an image and gives floats or an image; bytes are what both sides end with.
            np.uint8(np.asarray(function(images[done % len(images)], 3)))
            done += 1
        best = min(best, (time.perf_counter() - start) / done * 1000)
    return best


def ours(kinds, images, threads):
    data = np.stack(images).tobytes()
    words = [options.program, "time", "224", "224", str(len(images)), str(options.seconds), str(threads), *kinds]
    output = subprocess.run(words, input=data, check=True, capture_output=True).stdout.decode()
    return {line.split()[0]: float(line.split()[1]) for line in output.splitlines()}


images = photographs()
cores = os.cpu_count()
one, all_cores = ours(TEST + EXTRA + LAION, images, 1), ours(TEST + EXTRA + LAION, images, cores)
results = []
print(f"milliseconds an image, 224 px, severity 3; imagecorruptions with OpenCV {cv2.__version__}, NumPy {np.__version__}")
print(f"{'':22} {'imagecorruptions':>16} {'ours':>8} {'faster':>8} {f'{cores} cores':>9}")


def row(name, peer_time, our_time, all_time):
    ratio = f"{peer_time / our_time:7.1f}x" if peer_time else ""
    print(f"{name:22} {f'{peer_time:.2f}' if peer_time else '':>16} {our_time:8.3f} {ratio:>8} {all_time:9.3f}", flush=True)
    results.append({"corruption": name, "peer": peer_time, "ours": our_time, "all": all_time})


total = 0
for kind in TEST + EXTRA:
    milliseconds = theirs(kind, images)
    total += milliseconds if kind in TEST else 0
    row(kind, milliseconds, one[kind], all_cores[kind])
    if kind == TEST[-1]:
        row("the fifteen", total, sum(one[k] for k in TEST), sum(all_cores[k] for k in TEST))
        slow = results[4]["peer"]
        row("without glass_blur", total - slow, sum(one[k] for k in TEST) - one["glass_blur"],
            sum(all_cores[k] for k in TEST) - all_cores["glass_blur"])
for kind in LAION:
    row(kind, None, one[kind], all_cores[kind])
if options.json:
    Path(options.json).write_text(json.dumps({"cores": cores, "results": results}, indent=1) + "\n")
