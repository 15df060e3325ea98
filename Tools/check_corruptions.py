#!/usr/bin/env python3
"""Checks our image corruptions against the published ones.

    Tools/check_corruptions.py                     everything, in a virtual environment that it makes (.venv-corruptions)
    Tools/check_corruptions.py --venv FOLDER       in that one
    Tools/check_corruptions.py --only fog snow     these corruptions
    Tools/check_corruptions.py --sheet FILE.png    draws the peer's contact sheet instead
    Tools/check_corruptions.py --fixtures FOLDER   writes the cases of the Swift tests instead

Three questions, each asked of every severity of every parameter table:
1. Is the construction the same? The other side's random numbers are written down and given to ours; then at least 99.9 % of
   the values agree within one grey level. For 224 pixels the other side is the package `imagecorruptions`; where that differs
   from the benchmark's own code (elastic, snow, frost), and for 64 and 32 pixels, it is this file's `published`, written from the papers'
   description with NumPy, SciPy, scikit-image and OpenCV. LAION-C's glitches are compared with the package `glitch-this`.
2. Are our own random numbers right? Mean, variance and spectrum of the change over many images, ours beside theirs.
3. JPEG and box filter: are they Pillow's, bit for bit?

Photographs: those that come with scikit-image and scikit-learn. SOUP_CORRUPTIONS names the program (default
.build/release/soup-corruptions, or .build/debug/…). Exits with 1 if anything disagrees.
"""
import argparse
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ["setuptools<80", "numpy<2", "scikit-image<0.21", "opencv-python-headless", "imagecorruptions",
            "scikit-learn", "pillow", "glitch-this"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--venv", default=".venv-corruptions")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--sheet")
    parser.add_argument("--fixtures", help="write the fixtures of the Swift tests into this folder")
    parser.add_argument("--quick", action="store_true", help="two photographs, no statistics")
    return parser.parse_args()


def enter(folder):
    """Goes on in the virtual environment, which is made if need be."""
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        print(f"making {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES[:-1]], check=True)
        # Without its dependencies, which are a user interface's.
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", PACKAGES[-1]], check=True)
    if Path(sys.prefix).resolve() != Path(folder).resolve():
        os.execv(python, [str(python), *sys.argv])


options = arguments()
enter(options.venv)

import warnings  # noqa: E402

warnings.filterwarnings("ignore")
import cv2  # noqa: E402
import imagecorruptions  # noqa: E402
import imagecorruptions.corruptions as port  # noqa: E402
import numpy as np  # noqa: E402
import skimage.data  # noqa: E402
import skimage.filters  # noqa: E402
from PIL import Image  # noqa: E402
from scipy.ndimage import gaussian_filter, map_coordinates, zoom as spline_zoom  # noqa: E402

def gaussian(image, sigma, multichannel=False, **rest):
    """The package's Gaussian, whose `multichannel` newer scikit-image calls `channel_axis`."""
    return skimage.filters.gaussian(image, sigma, channel_axis=-1 if multichannel else None, **rest)


port.gaussian = gaussian

SNOW = [(.1, .2, 1, .6, 8, 3), (.1, .2, 1, .5, 10, 4), (.15, .3, 1.75, .55, 10, 4), (.25, .3, 2.25, .6, 12, 6),
        (.3, .3, 1.25, .65, 14, 12)]
ZOOM = [[1 + .01 * i for i in range(n)] for n in (7, 12, 16, 21, 26)]
# Severities 1 to 5 for 224, 64 and 32 pixels.
TABLES = {
    "gaussian_noise": ([.08, .12, .18, .26, .38], [.04, .08, .12, .15, .18], [.04, .06, .08, .09, .10]),
    "shot_noise": ([60, 25, 12, 5, 3], [250, 100, 50, 30, 15], [500, 250, 100, 75, 50]),
    "impulse_noise": ([.03, .06, .09, .17, .27], [.01, .02, .05, .08, .14], [.01, .02, .03, .05, .07]),
    "defocus_blur": ([(3, .1), (4, .5), (6, .5), (8, .5), (10, .5)],
                     [(.5, .6), (1, .1), (1.5, .1), (2.5, .01), (3, .1)],
                     [(.3, .4), (.4, .5), (.5, .6), (1, .2), (1.5, .1)]),
    "glass_blur": ([(.7, 1, 2), (.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)],
                   [(.1, 1, 1), (.5, 1, 1), (.6, 1, 2), (.7, 2, 1), (.9, 2, 2)],
                   [(.05, 1, 1), (.25, 1, 1), (.4, 1, 1), (.25, 1, 2), (.4, 1, 2)]),
    "motion_blur": ([(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)],
                    [(10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)],
                    [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)]),
    "zoom_blur": ([np.arange(1, 1.11, .01), np.arange(1, 1.16, .01)[:16], np.arange(1, 1.21, .02), np.arange(1, 1.26, .02),
                   np.arange(1, 1.33, .03)], ZOOM, ZOOM),
    "snow": ([(.1, .3, 3, .5, 10, 4, .8), (.2, .3, 2, .5, 12, 4, .7), (.55, .3, 4, .9, 12, 8, .7),
              (.55, .3, 4.5, .85, 12, 8, .65), (.55, .3, 2.5, .85, 12, 12, .55)],
             [(*p, b) for p, b in zip(SNOW, (.8, .8, .7, .65, .6))],
             [(*p, b) for p, b in zip(SNOW, (.95, .9, .9, .85, .8))]),
    "frost": ([(1, .4), (.8, .6), (.7, .7), (.65, .7), (.6, .75)], [(1, .3), (.9, .4), (.8, .45), (.75, .5), (.7, .55)],
              [(1, .2), (1, .3), (.9, .4), (.85, .4), (.75, .45)]),
    "fog": ([(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)], [(.4, 3), (.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)],
            [(.2, 3), (.5, 3), (.75, 2.5), (1, 2), (1.5, 1.75)]),
    "brightness": ([.1, .2, .3, .4, .5], [.1, .2, .3, .4, .5], [.05, .1, .15, .2, .3]),
    "contrast": ([.4, .3, .2, .1, .05], [.4, .3, .2, .1, .05], [.75, .5, .4, .3, .15]),
    "elastic_transform": (
        [(488, 170.8, 24.4), (488, 19.52, 48.8), (12.2, 2.44, 4.88), (17.08, 2.44, 4.88), (29.28, 2.44, 4.88)],
        [(0, 0, 5.12), (3.2, 19.2, 3.84), (6.4, 5.12, 3.84), (6.4, 1.92, 1.92), (10.24, 1.92, 1.28)],
        [(0, 0, 2.56), (1.6, 6.4, 2.24), (2.56, 1.92, 1.92), (3.2, 1.28, 1.6), (3.2, .96, .96)]),
    "pixelate": ([.6, .5, .4, .3, .25], [.9, .8, .7, .6, .5], [.95, .9, .85, .75, .65]),
    "jpeg_compression": ([25, 18, 15, 10, 7], [65, 58, 50, 40, 25], [80, 65, 58, 50, 40]),
    "speckle_noise": ([.15, .2, .35, .45, .6], [.15, .2, .25, .3, .35], [.06, .1, .12, .16, .2]),
    "gaussian_blur": ([1, 2, 3, 4, 6], [.5, .75, 1, 1.25, 1.5], [.4, .6, .7, .8, 1]),
    "spatter": ([(.65, .3, 4, .69, .6, 0), (.65, .3, 3, .68, .6, 0), (.65, .3, 2, .68, .5, 0), (.65, .3, 1, .65, 1.5, 1),
                 (.67, .4, 1, .65, 1.5, 1)],
                [(.62, .1, .7, .7, .6, 0), (.65, .1, .8, .7, .6, 0), (.65, .3, 1, .69, .6, 0), (.65, .1, .7, .68, .6, 1),
                 (.65, .1, .5, .67, .6, 1)],
                [(.62, .1, .7, .7, .5, 0), (.65, .1, .8, .7, .5, 0), (.65, .3, 1, .69, .5, 0), (.65, .1, .7, .69, .6, 1),
                 (.65, .1, .5, .68, .6, 1)]),
    "saturate": ([(.3, 0), (.1, 0), (2, 0), (5, .1), (20, .2)], [(.3, 0), (.1, 0), (2, 0), (5, .1), (30, .2)],
                 [(.3, 0), (.1, 0), (1.5, 0), (2, .1), (2.5, .2)]),
}
SIDES = (224, 64, 32)
FROST = [str(Path(port.__file__).parent / "frost" / n) for n in
         ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg")]


# --- The published constructions, by parameters instead of severities -------------------------------------------------

class Draws:
    """Random numbers, with a record of them that our program reads."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)
        self.records = []

    def keep(self, values):
        self.records.append(np.asarray(values, np.float64).ravel())

    def normal(self, loc=0.0, scale=1.0, size=None):
        z = self.generator.standard_normal(size).astype(np.float32).astype(np.float64)
        self.keep(z)
        return loc + scale * z

    def uniform(self, low=0.0, high=1.0, size=None):
        u = self.generator.random(size, dtype=np.float32)
        u = u.astype(np.float64) if size is not None else float(u)
        self.keep(u)
        return low + (high - low) * u

    def poisson(self, lam):
        counts = self.generator.poisson(lam)
        self.keep(counts)
        return counts

    def randint(self, low, high=None, size=None):
        low, high = (0, low) if high is None else (low, high)
        values = self.generator.integers(low, high, size)
        self.keep(values - low)
        return values

    def default_rng(self, _seed=None):
        """What scikit-image's random_noise asks for: two fields, which fix one uniform number of ours each."""
        owner = self

        class Fields:
            def __init__(self):
                self.first = None

            def random(self, shape):
                values = owner.generator.random(shape)
                if self.first is None:
                    self.first = values
                else:
                    p = owner.fraction
                    ours = np.where(self.first <= p, np.where(values <= .5, p / 4, p * 3 / 4), 1)
                    owner.keep(ours)
                return values
        return Fields()

    def join_all(self):
        """Fog: the levels of one map, one draw of ours."""
        self.records = [np.concatenate(self.records)]

    def join(self, reach):
        """Glass: pairs (dx, dy) of one pixel each become one number of ours."""
        pairs = np.concatenate(self.records).reshape(-1, 2)
        self.records = [pairs[:, 0] * 2 * reach + pairs[:, 1]]

    def save(self, path):
        with open(path, "wb") as file:
            for record in self.records:
                file.write(pack(record))


def pack(record):
    """One draw as our program reads it."""
    return struct.pack("<i", record.size) + record.astype("<f4").tobytes()


class Patched:
    """np.random replaced by a record's numbers for a while."""
    NAMES = ("normal", "uniform", "poisson", "randint", "default_rng")

    def __init__(self, draws):
        self.draws = draws

    def __enter__(self):
        self.saved = {n: getattr(np.random, n) for n in self.NAMES}
        for n in self.NAMES:
            setattr(np.random, n, getattr(self.draws, n))

    def __exit__(self, *_):
        for n, value in self.saved.items():
            setattr(np.random, n, value)


def smooth(x, sigma, truncate=4, mode="nearest"):
    if sigma == 0:
        return x
    return gaussian_filter(x, (sigma, sigma, 0)[:x.ndim], truncate=truncate, mode=mode)


def centre_zoom(x, factor):
    h = x.shape[0]
    inner = int(np.ceil(h / factor))
    top = (h - inner) // 2
    x = spline_zoom(x[top:top + inner, top:top + inner], (factor, factor, 1)[:x.ndim], order=1)
    trim = (x.shape[0] - h) // 2
    return x[trim:trim + h, trim:trim + h]


def streak(x, radius, sigma, degrees):
    weights = np.exp(-np.arange(2 * radius + 1) ** 2 / (2 * sigma ** 2))
    weights /= weights.sum()
    h, w = x.shape[:2]
    rows, columns = np.arange(h), np.arange(w)
    out = 0
    for i, weight in enumerate(weights):
        dx = int(np.ceil(i * np.cos(np.deg2rad(degrees)) - .5))
        dy = int(np.ceil(i * np.sin(np.deg2rad(degrees)) - .5))
        out = out + weight * x[np.clip(rows + dy, 0, h - 1)][:, np.clip(columns + dx, 0, w - 1)]
    return out


def plasma(size, decay, draws):
    p = np.zeros((size, size))
    wibble, step = 100.0, size
    while step > 1:
        half = step // 2

        def mean(total):
            return total / 4 + wibble * draws.uniform(-wibble, wibble, total.shape)
        corners = p[::step, ::step]
        rows = corners + np.roll(corners, -1, 0)
        p[half::step, half::step] = mean(rows + np.roll(rows, -1, 1))
        middles = p[half::step, half::step]
        p[::step, half::step] = mean(middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1))
        p[half::step, ::step] = mean(middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0))
        wibble, step = wibble / decay, half
    p -= p.min()
    return p / p.max()


def published(kind, c, image, draws, frost_scale=1.0):
    """The benchmark's construction with parameters c; bytes in, bytes out."""
    x = image.astype(np.float64) / 255
    h, w = x.shape[:2]
    if kind == "gaussian_noise":
        y = x + draws.normal(0, c, x.shape)
    elif kind == "shot_noise":
        y = draws.poisson(x * c) / c
    elif kind == "impulse_noise":
        u = draws.generator.random(x.shape)
        draws.keep(u)
        y = np.where(u < c / 2, 1, np.where(u < c, 0, x))
    elif kind == "speckle_noise":
        y = x + x * draws.normal(0, c, x.shape)
    elif kind == "gaussian_blur":
        y = smooth(x, c)
    elif kind == "defocus_blur":
        radius, alias = c
        reach, side = (8, 3) if radius <= 8 else (int(radius), 5)
        grid = np.arange(-reach, reach + 1)
        disc = np.array(grid[:, None] ** 2 + grid[None] ** 2 <= radius ** 2, np.float32)
        kernel = cv2.GaussianBlur(disc / disc.sum(), (side, side), sigmaX=alias)
        y = np.stack([cv2.filter2D(x[..., i], -1, kernel) for i in range(3)], -1)
    elif kind == "glass_blur":
        sigma, reach, sweeps = c
        y = (smooth(x, sigma) * 255).astype(np.uint8)
        for _ in range(sweeps):
            for r in range(h - reach, reach, -1):
                for q in range(w - reach, reach, -1):
                    dx, dy = draws.randint(-reach, reach, 2)
                    y[r, q] = y[r + dy, q + dx]
        draws.join(reach)
        y = smooth(y / 255, sigma)
    elif kind == "motion_blur":
        y = streak(x, *c, draws.uniform(-45, 45))
    elif kind == "zoom_blur":
        y = (x + sum(centre_zoom(x, z) for z in c)) / (len(c) + 1)
    elif kind == "snow":
        layer = centre_zoom(draws.normal(c[0], c[1], (h, w)), c[2])
        layer[layer < c[3]] = 0
        layer = (np.clip(layer, 0, 1) * 255).astype(np.uint8)
        layer = np.round(streak(layer.astype(float), c[4], c[5], draws.uniform(-135, -45)))[..., None] / 255
        white = (x @ [.299, .587, .114])[..., None] * 1.5 + .5
        y = c[6] * x + (1 - c[6]) * np.maximum(x, white) + layer + layer[::-1, ::-1]
    elif kind == "frost":
        photo = np.asarray(Image.open(FROST[draws.randint(5)]).convert("RGB"))
        if frost_scale < 1:
            size = [max(1, int(s * frost_scale)) for s in photo.shape[1::-1]]
            photo = np.asarray(Image.fromarray(photo).resize(size, Image.BOX))
        top, left = draws.randint(photo.shape[0] - h), draws.randint(photo.shape[1] - w)
        y = c[0] * x + c[1] * photo[top:top + h, left:left + w] / 255
    elif kind == "fog":
        y = x + c[0] * plasma(1 << (max(h, w) - 1).bit_length(), c[1], draws)[:h, :w, None]
        y = y * x.max() / (x.max() + c[0])
        draws.join_all()
    elif kind == "brightness":
        from skimage.color import hsv2rgb, rgb2hsv
        hsv = rgb2hsv(x)
        hsv[..., 2] = np.clip(hsv[..., 2] + c, 0, 1)
        y = hsv2rgb(hsv)
    elif kind == "saturate":
        from skimage.color import hsv2rgb, rgb2hsv
        hsv = rgb2hsv(x)
        hsv[..., 1] = np.clip(hsv[..., 1] * c[0] + c[1], 0, 1)
        y = hsv2rgb(hsv)
    elif kind == "contrast":
        mean = x.mean((0, 1))
        y = (x - mean) * c + mean
    elif kind == "elastic_transform":
        alpha, sigma, affine = c
        centre, third = np.float32([h // 2, w // 2]), min(h, w) // 3
        before = np.float32([centre + third, [centre[0] + third, centre[1] - third], centre - third])
        after = before + draws.uniform(-affine, affine, before.shape).astype(np.float32)
        y = cv2.warpAffine(x.astype(np.float32), cv2.getAffineTransform(before, after), (w, h),
                           borderMode=cv2.BORDER_REFLECT_101)
        fields = [smooth(draws.uniform(-1, 1, (h, w)), sigma, 3, "reflect") * alpha for _ in range(2)]
        at = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
        where = [at[0] + fields[1], at[1] + fields[0]]
        y = np.stack([map_coordinates(y[..., i], where, order=1, mode="reflect") for i in range(3)], -1)
    elif kind == "pixelate":
        small = Image.fromarray(image).resize((int(w * c), int(h * c)), Image.BOX)
        return np.asarray(small.resize((w, h), Image.BOX))
    elif kind == "jpeg_compression":
        import io
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=c)
        return np.asarray(Image.open(file))
    elif kind == "spatter":
        return spatter(x.astype(np.float32), c, draws)
    return (np.clip(y, 0, 1) * 255 + 1e-9).astype(np.uint8)


def spatter(x, c, draws):
    liquid = smooth(draws.normal(c[0], c[1], x.shape[:2]), c[2])
    liquid[liquid < c[3]] = 0
    if c[5]:
        mask = smooth((liquid > c[3]).astype(np.float32), c[4])
        mask[mask < .8] = 0
        y = x * (1 - mask[..., None]) + mask[..., None] * np.array([63, 42, 20]) / 255
    else:
        drops = (liquid * 255).astype(np.uint8)
        distance = np.minimum(cv2.distanceTransform(255 - cv2.Canny(drops, 50, 150), cv2.DIST_L2, 5), 20)
        relief = cv2.equalizeHist(cv2.blur(distance, (3, 3)).astype(np.uint8))
        relief = cv2.filter2D(relief, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
        mask = drops * cv2.blur(relief, (3, 3)).astype(np.float32)
        mask *= c[4] / max(mask.max(), 1e-30)
        y = x + mask[..., None] * np.array([175, 238, 238]) / 255
    return (np.clip(y, 0, 1) * 255 + 1e-9).astype(np.uint8)


# --- Our side ---------------------------------------------------------------------------------------------------------

class Ours:
    """Jobs for the Swift program, run in one go."""

    def __init__(self):
        names = [os.environ.get("SOUP_CORRUPTIONS")] + [f".build/{c}/soup-corruptions" for c in ("release", "debug")]
        self.program = next((n for n in names if n and Path(n).exists()), None)
        if not self.program:
            sys.exit("build it first: swift build -c release --product soup-corruptions")
        self.temporary = tempfile.TemporaryDirectory(prefix="soup-corruptions-")
        self.folder = Path(self.temporary.name)
        self.jobs = []

    def add(self, kind, severity, table, image, draws=None, bank=None, seed=0, index=0):
        n = len(self.jobs)
        source, target = self.folder / f"{n}.in", self.folder / f"{n}.out"
        source.write_bytes(np.ascontiguousarray(image).tobytes())
        h, w = image.shape[:2]
        words = [kind, severity, table, h, w, 3 if image.ndim == 3 else 1, seed, index, source, target]
        if draws is not None:
            draws.save(self.folder / f"{n}.numbers")
            words.append(f"numbers={self.folder / f'{n}.numbers'}")
        if bank:
            words.append("bank=" + ",".join(bank))
        self.jobs.append((" ".join(map(str, words)), target, image.shape))
        return n

    def run(self):
        subprocess.run([self.program, "apply"], input="\n".join(j[0] for j in self.jobs) + "\n", text=True, check=True)
        return [np.frombuffer(j[1].read_bytes(), np.uint8).reshape(j[2]) for j in self.jobs]

    def clear(self):
        for file in self.folder.iterdir():
            file.unlink()
        self.jobs = []


def photographs(side):
    images = [getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]
    try:
        from sklearn.datasets import load_sample_images
        images += load_sample_images().images
    except ImportError:
        pass
    out = []
    for pixels in images[:2] if options.quick else images:
        image = Image.fromarray(pixels).convert("RGB")
        scale = side * 8 / 7 / min(image.size)
        image = image.resize([max(side, round(s * scale)) for s in image.size], Image.LANCZOS)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        out.append(np.asarray(image.crop((left, top, left + side, top + side))))
    return out


def theirs(kind, severity, table, image, seed):
    """The other side's image and the random numbers it used."""
    draws = Draws(seed)
    c = TABLES[kind][table][severity - 1]
    if table == 0 and kind not in ("elastic_transform", "snow", "frost"):
        draws.fraction = c
        with Patched(draws):
            out = getattr(port, kind)(Image.fromarray(image), severity)
        if kind == "glass_blur":
            draws.join(c[1])
        elif kind == "fog":
            draws.join_all()
        return np.uint8(np.asarray(out)), draws, "imagecorruptions"
    return published(kind, c, image, draws, (1, .3, .2)[table]), draws, "published"


def compare_constructions(kinds):
    print(f"{'corruption':20} {'size':>4}  {'against':16} {'equal':>8} {'within 1':>9} {'worst':>5}   by severity, within 1")
    failed = []
    for kind in kinds:
        for table, side in enumerate(SIDES):
            ours, expected = Ours(), []
            photos = photographs(side)
            if kind == "glass_blur" and table == 0:
                photos = photos[:2]  # slow on the other side
            for severity in range(1, 6):
                for number, image in enumerate(photos):
                    out, draws, name = theirs(kind, severity, table, image, 10 * severity + number)
                    expected.append((severity, out))
                    ours.add(kind, severity, str(side), image, draws, FROST if kind == "frost" else None)
            results = ours.run()
            ours.clear()
            shares, worst, equal = [], 0, 0
            for severity in range(1, 6):
                pairs = [(r.astype(int), e.astype(int)) for r, (s, e) in zip(results, expected) if s == severity]
                difference = np.concatenate([np.abs(r - e).ravel() for r, e in pairs])
                shares.append((difference <= 1).mean())
                equal += (difference == 0).mean() / 5
                worst = max(worst, difference.max())
            ok = min(shares) >= .999
            print(f"{kind:20} {side:4}  {name:16} {equal:8.3%} {np.mean(shares):9.4%} {worst:5}   "
                  + " ".join(f"{100 * s:.3f}" for s in shares) + ("" if ok else "   FAILED"), flush=True)
            if not ok:
                failed.append(f"{kind} {side}")
    return failed


def compare_glitches():
    from glitch_this import ImageGlitcher
    ours, expected, glitcher = Ours(), [], ImageGlitcher()
    for severity, amount in enumerate((2, 4, 5, 8, 10), 1):
        for image in photographs(224):
            out = glitcher.glitch_image(Image.fromarray(image), amount, color_offset=True, scan_lines=True, glitch_change=0,
                                        seed=1)
            expected.append(np.asarray(out.convert("RGB")))
            ours.add("glitched", severity, "224", image)
    difference = np.concatenate([np.abs(r.astype(int) - e).ravel() for r, e in zip(ours.run(), expected)])
    ok = (difference == 0).all()
    print(f"{'glitched':20}  224  {'glitch-this':16} {(difference == 0).mean():8.3%} {'' if ok else '  FAILED'}")
    return [] if ok else ["glitched"]


def spectrum(images):
    """Power in eight rings of equal width, of the mean over channels."""
    grey = np.stack(images).astype(float).mean(-1)
    power = (np.abs(np.fft.fft2(grey - grey.mean((1, 2), keepdims=True))) ** 2).mean(0)
    f = np.fft.fftfreq(grey.shape[1])
    ring = np.minimum((np.hypot(f[:, None], f[None]) * 16).astype(int), 7)
    return np.array([power[ring == r].mean() for r in range(8)])


def compare_statistics(kinds, count=48):
    """Both sides with their own random numbers: two samples of one distribution?"""
    print(f"\n{'corruption':20} {'mean, ours':>10} {'theirs':>8} {'z':>6} {'st. dev.':>9} {'theirs':>8}  spectrum, ours / theirs")
    failed = []
    for kind in kinds:
        ours, expected = Ours(), []
        image = photographs(64)[1]
        table, severity = 1, 3
        for i in range(count):
            expected.append(published(kind, TABLES[kind][table][severity - 1], image, Draws(1000 + i), .3))
            ours.add(kind, severity, "64", image, bank=FROST if kind == "frost" else None, seed=5, index=i)
        results = ours.run()
        ours.clear()
        a, b = (np.array([x.mean() for x in side]) for side in (results, expected))
        error = np.sqrt(a.var(ddof=1) / count + b.var(ddof=1) / count) + 1e-3
        z = (a.mean() - b.mean()) / error
        da, db = (np.mean([x.std() for x in side]) for side in (results, expected))
        deviations = [np.array([x.std() for x in side]) for side in (results, expected)]
        zd = (da - db) / (np.sqrt(sum(d.var(ddof=1) for d in deviations) / count) + 1e-3)
        ratio = spectrum(results) / spectrum(expected)
        singles = [np.array([spectrum([x]) for x in side]) for side in (results, expected)]
        noise = np.sqrt(sum((s.std(0, ddof=1) / s.mean(0)) ** 2 for s in singles) / count) + .01
        ok = abs(z) < 4 and abs(zd) < 4 and (np.abs(ratio - 1) < 4 * noise).all()
        print(f"{kind:20} {a.mean():10.3f} {b.mean():8.3f} {z:6.2f} {da:9.3f} {db:8.3f}  "
              + " ".join(f"{r:.2f}" for r in ratio) + ("" if ok else "   FAILED"), flush=True)
        if not ok:
            failed.append(f"statistics of {kind}")
    return failed


def draw_sheet(path):
    """Every corruption of the port at every severity, as `soup data corruptions --sheet` draws ours."""
    image = photographs(224)[2]
    rows = []
    for kind in TABLES:
        np.random.seed(1)
        rows.append(np.hstack([image] + [np.uint8(np.asarray(getattr(port, kind)(Image.fromarray(image), s)))
                                         for s in range(1, 6)]))
    Image.fromarray(np.vstack(rows)).resize((6 * 112, len(rows) * 112), Image.BOX).save(path)


def write_fixtures(folder):
    """Small cases for the Swift tests: what the other side makes of one photograph of 32 pixels, and with which numbers."""
    image = photographs(32)[2]
    # Not frost, whose photographs are not ours to ship.
    cases = [(k, 3, t) for k in TABLES if k != "frost" for t in (0, 2)]
    cases += [("spatter", 4, 0), ("spatter", 5, 2), ("elastic_transform", 1, 0), ("elastic_transform", 1, 2),
              ("defocus_blur", 4, 0), ("defocus_blur", 5, 0), ("saturate", 5, 0), ("glass_blur", 5, 0)]
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder) / "peer.bin", "wb") as file:
        file.write(b"image 0 32 %d 0\n" % image.size + image.tobytes())
        for kind, severity, table in cases:
            out, draws, _ = theirs(kind, severity, table, image, 100 + severity)
            numbers = b"".join(map(pack, draws.records))
            file.write(f"{kind} {severity} {SIDES[table]} {out.size} {len(numbers)}\n".encode() + out.tobytes() + numbers)
        from glitch_this import ImageGlitcher
        out = ImageGlitcher().glitch_image(Image.fromarray(image), 5, color_offset=True, scan_lines=True, seed=1)
        out = np.asarray(out.convert("RGB"))
        file.write(f"glitched 3 224 {out.size} 0\n".encode() + out.tobytes())


def main():
    if options.fixtures:
        return write_fixtures(options.fixtures)
    if options.sheet:
        return draw_sheet(options.sheet)
    kinds = options.only or list(TABLES)
    print("imagecorruptions", imagecorruptions.__version__ if hasattr(imagecorruptions, "__version__") else "",
          "OpenCV", cv2.__version__, "NumPy", np.__version__, flush=True)
    failed = compare_constructions([k for k in kinds if k in TABLES])
    if not options.only or "glitched" in kinds:
        failed += compare_glitches()
    if not options.quick:
        random = ("gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow", "frost", "fog",
                  "elastic_transform", "speckle_noise", "spatter")
        failed += compare_statistics([k for k in random if k in kinds])
    print("\n" + ("FAILED: " + ", ".join(failed) if failed else "all agree"))
    sys.exit(bool(failed))


main()
