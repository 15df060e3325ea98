#!/usr/bin/env python3
"""Writes Tests/Fixtures/images/pillow.json: small images as Pillow decodes, resizes and changes them.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pillow==11.3.0 numpy
    /tmp/venv/bin/python Tools/reference_images.py

Pillow 13 resizes columns first where that is less work; up to 12 rows come first, which is what we compute.
The operations on pixels are written as torchvision's functional_pil writes them.
"""
import base64, io, json, math, pathlib
import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

W, H = 32, 24


def picture(width, height, seed):
    """Smooth colours, edges and noise, without any file."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    rng = np.random.default_rng(seed)
    red = 128 + 110 * np.sin(x / 5 + y / 9)
    green = 255 * x / width
    blue = 255 * (((x // 6) + (y // 5)) % 2)
    noise = rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(np.stack([red, green, blue], -1) + noise, 0, 255).astype(np.uint8))


def text(data):
    return base64.b64encode(data).decode()


def pixels(image):
    return {"width": image.width, "height": image.height, "pixels": text(image.convert("RGB").tobytes())}


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


source = picture(W, H, 0)
reference = {"source": pixels(source), "decode": [], "encode": [], "resize": [], "operations": []}

# --- decoding -------------------------------------------------------------------------------------------------------
exif = Image.Exif()
exif[0x0112] = 6
sixteen = Image.fromarray((np.arange(W * H).reshape(H, W) * 85).astype(np.uint16))
files = {
    "baseline.jpg": encoded(source, "JPEG", quality=90),
    "full-chroma.jpg": encoded(source, "JPEG", quality=90, subsampling=0),
    "progressive.jpg": encoded(source, "JPEG", quality=80, progressive=True),
    "grey.jpg": encoded(source.convert("L"), "JPEG"),
    "cmyk.jpg": encoded(source.convert("CMYK"), "JPEG", quality=90),
    "turned.jpg": encoded(source, "JPEG", exif=exif.tobytes()),
    "colour.png": encoded(source, "PNG"),
    "grey.png": encoded(source.convert("L"), "PNG"),
    "palette.png": encoded(source.convert("P"), "PNG"),
    "bits.png": encoded(source.convert("1"), "PNG"),
    "alpha.png": encoded(source.convert("RGBA"), "PNG"),
    "sixteen.png": encoded(sixteen, "PNG"),
}
for name, data in files.items():
    image = Image.open(io.BytesIO(data))
    entry = {"name": name, "file": text(data)}
    if name == "sixteen.png":
        # Pillow clips 16-bit grey when it converts it; the upper bytes are what its 16-bit colour gives.
        upper = (np.array(image) >> 8).astype(np.uint8)
        entry |= pixels(Image.fromarray(upper))
    else:
        entry |= pixels(image)
    if name == "turned.jpg":
        entry["upright"] = pixels(ImageOps.exif_transpose(image))
    reference["decode"].append(entry)

for quality in (7, 50, 95):
    reference["encode"].append({"quality": quality, "file": text(encoded(source, "JPEG", quality=quality))})

# --- resizing -------------------------------------------------------------------------------------------------------
filters = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
for name, kind in filters.items():
    for size, box in [((13, 11), None), ((50, 37), None), ((32, 9), None), ((7, 24), None), ((20, 15), (3.25, 1.5, 28.75, 20.0))]:
        reference["resize"].append(
            {"filter": name, "box": box or [0, 0, W, H]} | pixels(source.resize(size, kind, box=box)))

# --- pixels ---------------------------------------------------------------------------------------------------------


def hue(image, turn):
    h, s, v = image.convert("HSV").split()
    h = Image.fromarray((np.array(h).astype(np.int32) + np.int32(turn * 255)).astype(np.uint8), "L")
    return Image.merge("HSV", (h, s, v)).convert("RGB")


def affine(image, matrix):
    return image.transform(image.size, Image.AFFINE, matrix, Image.NEAREST)


def add(name, value, image):
    reference["operations"].append({"name": name, "value": value} | pixels(image))


for factor in (0.0, 0.7, 1.3, 1.9):
    add("brightness", factor, ImageEnhance.Brightness(source).enhance(factor))
    add("contrast", factor, ImageEnhance.Contrast(source).enhance(factor))
    add("saturation", factor, ImageEnhance.Color(source).enhance(factor))
for factor in (0.1, 1.9):
    add("sharpness", factor, ImageEnhance.Sharpness(source).enhance(factor))
for turn in (-0.5, -0.1, 0.05, 0.4):
    add("hue", turn, hue(source, turn))
for radius in (0.1, 0.8, 1.5, 2.0):
    add("blur", radius, source.filter(ImageFilter.GaussianBlur(radius)))
add("grey", 0, source.convert("L"))
add("solarize", 128, ImageOps.solarize(source, 128))
add("posterize", 3, ImageOps.posterize(source, 3))
add("autocontrast", 0, ImageOps.autocontrast(ImageEnhance.Contrast(source).enhance(0.5)))
add("equalize", 0, ImageOps.equalize(source))
add("flip", 0, ImageOps.mirror(source))
for shear in (-0.3, 0.17):
    add("shearX", shear, affine(source, (1, shear, 0, 0, 1, 0)))
    add("shearY", shear, affine(source, (1, 0, 0, shear, 1, 0)))
for shift in (-5, 3):
    add("translateX", shift, affine(source, (1, 0, -shift, 0, 1, 0)))
    add("translateY", shift, affine(source, (1, 0, 0, 0, 1, -shift)))
for angle in (-30, 9, 21.5):
    add("rotate", angle, source.rotate(angle, Image.NEAREST))

folder = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/images"
folder.mkdir(parents=True, exist_ok=True)
(folder / "pillow.json").write_text(json.dumps(reference, separators=(",", ":")))
print(f"{sum(len(v) for v in reference.values() if isinstance(v, list))} images, {(folder / 'pillow.json').stat().st_size} bytes")

# --- arrays ---------------------------------------------------------------------------------------------------------
images = (np.arange(7 * 72) % 251).astype(np.uint8).reshape(7, 4, 6, 3)
np.savez_compressed(
    folder / "arrays.npz", x_test=images[:5], y_test=np.arange(5) % 3, x_train=images[5:], y_train=np.array([[1], [0]]))
