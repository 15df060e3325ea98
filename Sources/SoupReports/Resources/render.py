"""Draws the Vega-Lite specifications of FOLDER/job.json as SVG, PNG and PDF, and leaves the JavaScript that draws them live."""
import importlib.metadata, json, os, sys, tempfile

folder = sys.argv[1]
with open(os.path.join(folder, "job.json"), encoding="utf-8") as file:
    figures = list(json.load(file)["figures"].items())
# Many figures are shared between processes, forked before the renderer starts its threads.
processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
parts = min(processors, 4, 1 + len(figures) // 6)
part, children = 0, []
for number in range(1, parts):
    child = os.fork()
    if child == 0:
        part, children = number, []
        break
    children.append(child)

import vl_convert

for name, specification in figures[part::parts]:
    try:
        svg = vl_convert.vegalite_to_svg(specification)
        outputs = {"svg": svg.encode(), "png": vl_convert.svg_to_png(svg, scale=2), "pdf": vl_convert.svg_to_pdf(svg)}
    except BaseException as error:  # its panics are no Exceptions
        sys.exit(f"figure {name}: {error}")
    for extension, data in outputs.items():
        with open(os.path.join(folder, f"{name}.{extension}"), "wb") as file:
            file.write(data)

if part:
    sys.exit(0)
if any([os.waitpid(child, 0)[1] for child in children]):
    sys.exit(1)

version = importlib.metadata.version("vl-convert-python")
vegalite = vl_convert.get_vegalite_versions()[-1]
# Bundling takes seconds and depends on the version alone: kept beside the package where that can be written.
home = os.path.dirname(os.path.dirname(os.path.abspath(vl_convert.__file__)))
cache = os.path.join(home, f"bundle-{version}.js")
try:
    with open(cache, encoding="utf-8") as file:
        bundle = file.read()
except OSError:
    bundle = vl_convert.javascript_bundle()
    try:
        handle, partial = tempfile.mkstemp(dir=home)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(bundle)
        os.chmod(partial, 0o644)
        os.replace(partial, cache)
    except OSError:
        pass
with open(os.path.join(folder, "bundle.js"), "w", encoding="utf-8") as file:
    file.write(bundle)
with open(os.path.join(folder, "version"), "w", encoding="utf-8") as file:
    file.write(f"vl-convert {version}, Vega-Lite {vegalite}")
