// Draws every figure at the width it has, in the colours the reader prefers, and again when either changes.
// Until then, and if it fails, the page shows the pictures that are in it.
(() => {
  const themes = JSON.parse(document.getElementById("themes").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const figures = [...document.querySelectorAll("figure")]
    .map((element) => ({
      element,
      chart: element.querySelector(".chart"),
      specification: JSON.parse(element.querySelector(".specification")?.textContent ?? "null"),
      picture: element.querySelector(".chart > img")?.src,
    }))
    .filter((figure) => figure.specification);

  // Colour names become colours; the data are left alone.
  function resolve(value, colors) {
    if (typeof value === "string") return value.startsWith("@") ? (colors[value.slice(1)] ?? value) : value;
    if (Array.isArray(value)) return value.map((item) => resolve(item, colors));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, key === "datasets" ? item : resolve(item, colors)]));
  }

  function sized(figure, theme) {
    const { layout, aspect, minimumHeight } = figure.specification.usermeta;
    const room = figure.chart.clientWidth;
    const specification = resolve(figure.specification, theme.colors);
    if (layout === "square") {
      specification.width = Math.min(room - 56, 520);
      specification.autosize = { type: "pad" };
    } else {
      specification.width = room;
      specification.autosize = { type: "fit-x", contains: "padding" };
    }
    const width = layout === "square" ? specification.width : Math.max(room - 40, 200);
    specification.height = layout === "square" ? width / aspect : Math.min(Math.max(width / aspect, minimumHeight, layout === "wide" ? 270 : 210), Math.max(520, minimumHeight));
    return specification;
  }

  async function draw(figure, theme) {
    const legend = { ...theme.config.legend, columns: Math.max(2, Math.floor(figure.chart.clientWidth / 175)) };
    const target = document.createElement("div");
    const result = await vegaEmbed(target, sized(figure, theme), {
      mode: "vega-lite", renderer: "svg", actions: false, config: { ...theme.config, legend }, tooltip: { theme: "report" },
    });
    figure.view?.finalize();
    figure.view = result.view;
    figure.chart.replaceChildren(target);
    figure.element.dataset.drawn = "true";
  }

  let running = Promise.resolve();
  function drawAll() {
    const theme = prefersDark.matches ? themes.dark : themes.light;
    running = running.then(async () => {
      for (const figure of figures) {
        try {
          await draw(figure, theme);
        } catch (error) {
          figure.element.dataset.error = String(error);
          console.error(`${figure.element.id}: ${error}`);
        }
      }
      document.documentElement.dataset.drawn = "true";
    });
  }

  let width = innerWidth;
  let timer;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(drawAll, 150);
  });
  prefersDark.addEventListener("change", drawAll);

  // RFC 4180, columns in the order in which rows first have them.
  function csv(rows) {
    const columns = [...new Set(rows.flatMap(Object.keys))];
    const cell = (value) => {
      const text = value === undefined || value === null ? "" : String(value);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
      .map((line) => line.map(cell).join(",") + "\r\n").join("");
  }

  // The picture at twice its size.
  async function bitmap(source, name) {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * image.naturalWidth;
    canvas.height = 2 * image.naturalHeight;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => {
      const link = document.createElement("a");
      link.download = name;
      link.href = URL.createObjectURL(blob);
      link.click();
    });
  }

  // Downloads that are in the page already are not in it twice.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-from]");
    if (!link) return;
    const figure = figures.find((figure) => figure.element.contains(link));
    if (!figure) return;
    if (link.dataset.from === "picture") {
      link.href = figure.picture;
    } else if (link.dataset.from.startsWith("table:")) {
      const rows = figure.specification.datasets[link.dataset.from.slice(6)];
      link.href = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
    } else if (link.dataset.from === "bitmap") {
      event.preventDefault();
      bitmap(figure.picture, link.download);
    } else {
      const text = JSON.stringify(
        { ...resolve(figure.specification, themes.light.colors), config: themes.light.config }, null, 1);
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    }
  });

  drawAll();
})();
