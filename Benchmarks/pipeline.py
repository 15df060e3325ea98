"""The peer of Benchmarks/pipeline.sh: torchvision's and timm's transforms written with Pillow, in PyTorch's DataLoader."""
import argparse, json, math, os, pathlib, random, subprocess, tempfile, time

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def photographs():
    import skimage.data
    from sklearn.datasets import load_sample_images

    pictures = [getattr(skimage.data, n)() for n in ("astronaut", "chelsea", "coffee", "rocket")]
    return [Image.fromarray(p[..., :3]) for p in pictures + list(load_sample_images().images)]


def write(folder, count):
    """Parts of the photographs, different for every file, at 500 x 375 and quality 90."""
    rng = random.Random(0)
    pictures = photographs()
    for index in range(count):
        picture = pictures[index % len(pictures)]
        scale = rng.uniform(0.6, 1)
        width = int(min(picture.width, picture.height * 4 / 3) * scale)
        height = width * 3 // 4
        left, top = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
        part = picture.crop((left, top, left + width, top + height)).resize((500, 375), Image.BICUBIC)
        path = folder / f"{index % 10}" / f"{index:04d}.jpg"
        path.parent.mkdir(exist_ok=True)
        part.save(path, quality=90)


def random_resized_crop(image):
    width, height = image.size
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top, left = random.randint(0, height - h), random.randint(0, width - w)
            return image.crop((left, top, left + w, top + h)).resize((224, 224), Image.BICUBIC)
    return image.resize((224, 224), Image.BICUBIC)


def three_augment(image):
    if random.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    choice = random.randrange(3)
    if choice == 0:
        image = ImageOps.grayscale(image).convert("RGB")
    elif choice == 1:
        image = ImageOps.solarize(image, 128)
    else:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2)))
    steps = [ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color]
    random.shuffle(steps)
    for step in steps:
        image = step(image).enhance(random.uniform(0.7, 1.3))
    return image


class Folder(torch.utils.data.Dataset):
    def __init__(self, root):
        self.files = sorted(pathlib.Path(root).rglob("*.jpg"))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with open(self.files[index], "rb") as file:
            image = Image.open(file).convert("RGB")
        image = three_augment(random_resized_crop(image))
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div_(255)
        return pixels.sub_(MEAN).div_(STD), int(self.files[index].parent.name)


def peer(folder, workers, batch, seconds):
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(
        Folder(folder), batch, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0)
    for _ in loader:
        pass
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for images, _ in loader:
            count += len(images)
    return count / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--files", type=int, default=512)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--json")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder, options.files)
        for threads in sorted({1, cores}):
            ours = json.loads(
                subprocess.check_output(
                    [options.program, f"imagefolder:{folder}?size=224&view=3-augment", str(threads), str(options.batch),
                     str(options.seconds)]))
            theirs = peer(folder, threads, options.batch, options.seconds)
            results.append({"threads": threads, "ours": ours, "peer": theirs, "ratio": ours["images_per_second"] / theirs})
            print(f"{threads} thread(s): {ours['images_per_second']:.0f} images/s, PyTorch with Pillow {theirs:.0f}, "
                  f"{results[-1]['ratio']:.2f} times", flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))


main()
