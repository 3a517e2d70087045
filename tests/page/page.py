"""Opens every report.html under WORK/reports in chromium, by its debugging pipe, and says what is wrong with the pages.

    page.py WORK SCREENSHOTS
"""
import base64
import json
import os
import pathlib
import select
import subprocess
import sys
import time

work, shots = map(pathlib.Path, sys.argv[1:])
WIDE, NARROW = (1280, 800), (360, 740)


class Browser:
    """Chromium with a pipe for commands (file descriptor 3) and one for its answers and events (4)."""

    def __init__(self):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()

        def descriptors():
            # both may be 3 or 4 already
            there, back = os.dup(commands), os.dup(answers)
            os.dup2(there, 3), os.dup2(back, 4)

        argv = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                "--disable-background-networking", "--user-data-dir=%s" % (work / "profile"), "about:blank"]
        self.log = open(work / "chromium.log", "wb")
        self.child = subprocess.Popen(argv, preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=self.log, env=dict(PATH="/usr/bin:/bin", HOME=str(work)))
        os.close(commands), os.close(answers)
        self.last, self.events, self.buffer = 0, [], b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def message(self, until):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(0, until - time.monotonic()))
            part = os.read(self.answers, 1 << 16) if ready else b""
            if not part:
                sys.exit("chromium does not answer: %s" % (work / "chromium.log").read_text(errors="replace")[-2000:])
            self.buffer += part
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, **params):
        self.last += 1
        command = {"id": self.last, "method": method, "params": params}
        if getattr(self, "session", None):
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        until = time.monotonic() + 60
        while True:
            answer = self.message(until)
            if answer.get("id") == self.last:
                if "error" in answer:
                    sys.exit("%s: %s" % (method, answer["error"]))
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        until = time.monotonic() + 60
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message(until))

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def show(self, path, size, scheme="light"):
        width, height = size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("Page.loadEventFired")

    def end(self):
        self.child.kill()
        self.child.wait()


def wrong(browser, path, size, scheme):
    """What is wrong with a page, in sentences."""
    browser.show(path, size, scheme)
    for event in browser.events:
        params = event.get("params", {})
        if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            yield "its console says: %s" % json.dumps(params)[:300]
        url = params.get("request", {}).get("url", "") if event["method"] == "Network.requestWillBeSent" else ""
        if url and url != path.resolve().as_uri() and not url.startswith("data:"):
            yield "it loads %s" % url
    if browser.value("document.documentElement.scrollWidth > innerWidth"):
        yield "it scrolls sideways"
    if browser.value("document.querySelectorAll('script').length"):
        yield "it has a script"
    report = json.loads(path.with_name("report.json").read_text())
    yield from wrong_order(browser, report, size)
    wanted = [chart["title"] for item in report["items"] for chart in item["charts"]]
    shown = browser.value("[...document.querySelectorAll('figure')].filter(one => [...one.querySelectorAll('svg')].some(svg => "
                          "svg.getBoundingClientRect().width > 20 && svg.getBoundingClientRect().height > 5))"
                          ".map(one => one.querySelector('figcaption').textContent)")
    if sorted(shown) != sorted(wanted):
        yield "it draws %s, and the report has %s" % (sorted(shown), sorted(wanted))


def wrong_order(browser, report, size):
    """Whether the row of the first failure is in the table's first place, and seen without scrolling."""
    row = browser.value("(() => { const one = document.querySelector('tbody tr:has(.state.failed)'); return one && "
                        "{ id: one.querySelector('td.id').textContent.trim(), bottom: one.getBoundingClientRect().bottom, "
                        "first: one === document.querySelector('tbody tr') } })()")
    failed = [item["id"] for item in report["items"] if item["outcome"]["state"] == "failed"]
    if not failed and row:
        yield "its table has a failure (%s), and the report has none" % row["id"]
    if failed and not row:
        yield "its table has no failure, and the report has %s" % failed[0]
    if failed and row and (row["id"] != failed[0] or not row["first"]):
        yield "its table begins with another row than the failure of %s" % failed[0]
    if row and row["bottom"] > size[1]:
        yield "the first failure is not above the fold (its row ends at %s of %s)" % (row["bottom"], size[1])


def blind(browser, path):
    """What this test does not see on a page that is wrong."""
    report = json.loads(path.with_name("report.json").read_text())
    for size in (WIDE, NARROW):
        for what, change in (("a table below the fold", "document.querySelector('table').style.marginTop = '900px'"),
                             ("a failure that is not first", "document.querySelector('tbody').append(document.querySelector('tbody tr'))"),
                             ("no failure", "document.querySelectorAll('tbody tr').forEach(one => one.remove())")):
            browser.show(path, size, "light")
            browser.value(change)
            if not list(wrong_order(browser, report, size)):
                yield "this test does not notice %s at %sx%s" % ((what,) + size)


browser, found = Browser(), []
pages = sorted((work / "reports").glob("*/report.html"))
dark = set()
for page in pages:
    for name, size, scheme in (("wide", WIDE, "light"), ("dark", WIDE, "dark"), ("narrow", NARROW, "light")):
        found += ["%s, %s: %s" % (page.parent.name, name, what) for what in wrong(browser, page, size, scheme)]
        dark.add((scheme, browser.value("getComputedStyle(document.body).backgroundColor")))
        picture = browser.call("Page.captureScreenshot", format="png")["data"]
        (shots / ("%s-%s.png" % (page.parent.name, name))).write_bytes(base64.b64decode(picture))
    if page.parent.name == "blocked-unit":
        found += blind(browser, page)
    pdf = browser.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]
    (shots / (page.parent.name + ".pdf")).write_bytes(base64.b64decode(pdf))
browser.end()
titles = {chart["title"].split(" ")[0] for page in pages for item in json.loads(page.with_name("report.json").read_text())["items"]
          for chart in item["charts"]}
if not {"Creation", "Failover", "Transfer"} <= titles:
    found.append("no page has the charts of a creation, a failover and a transfer: %s" % sorted(titles))
if not (work / "reports/blocked-unit").exists():
    found.append("there is no page with a failure")
if len({colour for _, colour in dark}) != 2:
    found.append("light and dark have the same background: %s" % sorted(dark))
if not pages:
    found.append("there are no reports")
for what in found:
    print(what)
print("%d pages, %d looks, %d wrong" % (len(pages), 3 * len(pages), len(found)))
sys.exit(1 if found else 0)
