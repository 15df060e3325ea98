"""Drives Chromium through the DevTools protocol over a pipe (no package needed): see check_report.sh."""
import base64, json, os, pathlib, subprocess, sys, tempfile, time

browser, page, shots = sys.argv[1:4]
VIEWS = {"light": (1280, "light", 1), "dark": (1280, "dark", 1), "phone": (390, "light", 2), "phone-dark": (390, "dark", 2)}
problems = []


class Browser:
    def __init__(self, profile):
        to_child, self.write_end = os.pipe()
        self.read_end, from_child = os.pipe()

        def descriptors():
            os.dup2(to_child, 3)
            os.dup2(from_child, 4)

        command = [browser, "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--hide-scrollbars", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-proxy-server", "--disable-background-networking", f"--user-data-dir={profile}"]
        if os.getuid() == 0:
            command.append("--no-sandbox")
        # Inherited numbers above 4, so that the copies below do not overwrite each other.
        to_child, from_child = os.dup(os.dup(os.dup(to_child))), os.dup(os.dup(os.dup(from_child)))
        for number in (to_child, from_child):
            os.set_inheritable(number, True)
        self.process = subprocess.Popen(command, preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(from_child)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None

    def message(self):
        while b"\0" not in self.buffer:
            data = os.read(self.read_end, 1 << 20)
            if not data:
                sys.exit("check_report: the browser ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write_end, data):]
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    sys.exit(f"check_report: {method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return result["result"].get("value")


def note_events(chrome, view):
    for event in chrome.events:
        kind, detail = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            thrown = detail["exceptionDetails"]
            problems.append(f"{view}: exception: {thrown.get('exception', {}).get('description', thrown['text'])[:300]}")
        elif kind == "Runtime.consoleAPICalled" and detail["type"] in ("error", "warning", "assert"):
            problems.append(f"{view}: console {detail['type']}: {' '.join(str(a.get('value', a.get('description'))) for a in detail['args'])[:300]}")
        elif kind == "Log.entryAdded" and detail["entry"]["level"] in ("error", "warning"):
            problems.append(f"{view}: {detail['entry']['level']}: {detail['entry']['text'][:300]}")
        elif kind == "Network.requestWillBeSent" and not detail["request"]["url"].startswith(("file:", "data:", "blob:")):
            problems.append(f"{view}: fetches {detail['request']['url']}")
    chrome.events.clear()


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    chrome = Browser(profile)
    target = chrome.call("Target.createTarget", url="about:blank")["targetId"]
    chrome.session = chrome.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        chrome.call(f"{domain}.enable")
    drawn = 0
    for view, (width, scheme, scale) in VIEWS.items():
        chrome.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=scale, mobile=width < 600)
        chrome.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        chrome.call("Page.navigate", url=pathlib.Path(page).as_uri())
        limit = time.time() + 60
        while time.time() < limit and not chrome.value("document.readyState === 'complete' && (document.documentElement.dataset.drawn === 'true' || !document.getElementById('themes'))"):
            time.sleep(0.1)
        state = chrome.value("""({
            figures: [...document.querySelectorAll('figure')].map(f => [f.id, !!f.querySelector('.chart svg, .chart canvas'),
                f.querySelectorAll('.chart .mark-symbol path, .chart .mark-line path, .chart .mark-rect path, .chart .mark-rule line, .chart .mark-area path').length,
                f.dataset.error ?? '']),
            overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
            cut: [...document.querySelectorAll('figure .chart svg')].filter(s => s.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(s => s.closest('figure').id),
            clipped: [...document.querySelectorAll('figure .chart')].filter(c => c.scrollWidth > c.clientWidth + 1).map(c => c.parentElement.id),
            height: document.documentElement.scrollHeight,
            unlabelled: document.querySelectorAll('.chart:not([aria-label]), img:not([alt])').length})""")
        for name, has_drawing, marks, error in state["figures"]:
            if error:
                problems.append(f"{view}: figure {name}: {error}")
            elif not has_drawing or marks == 0:
                problems.append(f"{view}: figure {name} is not drawn ({marks} marks)")
        if not state["figures"]:
            problems.append(f"{view}: the page has no figure")
        if state["overflow"] > 0:
            problems.append(f"{view}: the page is {state['overflow']} pixels wider than the window")
        for name in sorted(set(state["cut"] + state["clipped"])):
            problems.append(f"{view}: figure {name} is wider than its place")
        if state["unlabelled"]:
            problems.append(f"{view}: {state['unlabelled']} pictures without a text alternative")
        drawn = len(state["figures"])
        for number, top in enumerate(range(0, min(state["height"], 20000), 1600), 1):
            picture = chrome.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip={
                "x": 0, "y": top, "width": width, "height": min(1600, state["height"] - top), "scale": 1})
            pathlib.Path(shots, f"{view}-{number}.png").write_bytes(base64.b64decode(picture["data"]))
        if view == "light" and drawn:
            # Another mark may lie on top of the first: any of the first ten will do.
            for number in range(10):
                spot = chrome.value(f"""(() => {{ const m = document.querySelectorAll('.chart .mark-symbol path, .chart .mark-rect path')[{number}];
                    if (!m) return null; m.scrollIntoView({{block: 'center', behavior: 'instant'}}); const r = m.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()""")
                if not spot:
                    break
                for shift in (3, 0):
                    chrome.call("Input.dispatchMouseEvent", type="mouseMoved", x=spot[0] + shift, y=spot[1])
                time.sleep(0.3)
                if chrome.value("!!document.querySelector('#vg-tooltip-element.visible')"):
                    break
            else:
                problems.append("light: pointing at a mark shows nothing")
            if spot:
                picture = chrome.call("Page.captureScreenshot", format="png")
                pathlib.Path(shots, "hover.png").write_bytes(base64.b64decode(picture["data"]))
            # Files that are made when asked for: a bitmap, a table, a specification.
            made = chrome.value("""(async () => {
                const made = [], create = URL.createObjectURL;
                URL.createObjectURL = (blob) => { made.push(blob.type + (blob.size > 100 ? '' : ' empty')); return create.call(URL, blob); };
                addEventListener('click', (event) => event.preventDefault());
                const kinds = ['bitmap', 'table:', 'specification'].map((kind) => document.querySelector(`a[data-from^="${kind}"]`));
                for (const link of kinds) link?.click();
                for (let wait = 0; made.length < 3 && wait < 50; wait++) await new Promise((done) => setTimeout(done, 100));
                URL.createObjectURL = create;
                return made.sort();
            })()""")
            if made != ["application/json", "image/png", "text/csv"]:
                problems.append(f"light: asked for PNG, CSV and Vega-Lite, got {made}")
        note_events(chrome, view)
    chrome.session = None
    chrome.call("Browser.close")
    chrome.process.wait(timeout=20)

for problem in problems:
    print(f"check_report: {problem}", file=sys.stderr)
if problems:
    sys.exit(1)
print(f"check_report: {drawn} figures drawn in {len(VIEWS)} views, no console message, nothing fetched; screenshots in {shots}")
