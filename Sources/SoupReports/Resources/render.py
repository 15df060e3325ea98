"""Draws the Vega-Lite specifications of FOLDER/job.json as SVG, PNG and PDF, and leaves the JavaScript that draws them live."""
import importlib.metadata, json, os, sys, tempfile
import vl_convert

folder = sys.argv[1]
with open(os.path.join(folder, "job.json"), encoding="utf-8") as file:
    figures = json.load(file)["figures"]
for name, specification in figures.items():
    try:
        svg = vl_convert.vegalite_to_svg(specification)
        outputs = {"svg": svg.encode(), "png": vl_convert.svg_to_png(svg, scale=2), "pdf": vl_convert.svg_to_pdf(svg)}
    except BaseException as error:  # its panics are no Exceptions
        sys.exit(f"figure {name}: {error}")
    for extension, data in outputs.items():
        with open(os.path.join(folder, f"{name}.{extension}"), "wb") as file:
            file.write(data)

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
