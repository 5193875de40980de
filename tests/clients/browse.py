"""Opens pages in a headless browser and says what is wrong with them.

    browse.py quiet PAGE...     they ask for nothing, say nothing on the console, fit the window, and axe finds nothing
    browse.py sort PAGE         the table of tables sorts and filters by mouse and by keyboard
    browse.py text PAGE NAMES   every text of the JSON list NAMES is shown as text, and nothing of it works
    browse.py copy PAGE         the command is copied
    browse.py pictures FOLDER PAGE...    pages and pictures of them, for people

A problem is one line on stdout; the exit code is 1 where there is one. The browser is chromium-headless-shell or chromium
on the PATH.
"""

import contextlib
import json
import pathlib
import shutil
import sys

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = pathlib.Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
DESK, PHONE = (1280, 900), (360, 740)

problems = []


def wrong(page, what):
    problems.append(f"{page}: {what}")


@contextlib.contextmanager
def browser():
    with sync_playwright() as playwright:
        path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        if not path:
            sys.exit("neither chromium-headless-shell nor chromium is on the PATH")
        # The tests may run as root, and the page is ours.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@contextlib.contextmanager
def opened(browser, path, size=DESK, scheme="light", script=True, told=None):
    """The page of a file; what it asks for and what it says on the console goes to `told`."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        java_script_enabled=script,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    url = pathlib.Path(path).resolve().as_uri()
    if told is not None:
        page.on("request", lambda request: request.url == url or told.append(f"asks for {request.url[:200]}"))
        page.on("console", lambda message: told.append(f"says {message.text[:300]}"))
        page.on("pageerror", lambda error: told.append(f"fails: {error}"))
        page.on("dialog", lambda dialog: (told.append(f"opens a dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(url)
    yield page
    context.close()


def spread(page):
    """Opens all that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def quiet(browser, paths):
    for path in paths:
        for size, scheme, script in [(DESK, "light", True), (PHONE, "dark", True), (PHONE, "light", False)]:
            told = []
            where = f"{pathlib.Path(path).name} {size[0]} {scheme}{'' if script else ' without script'}"
            with opened(browser, path, size, scheme, script, told) as page:
                spread(page)
                width = page.evaluate("document.documentElement.scrollWidth")
                if width > size[0]:
                    wrong(where, f"is {width} wide")
                for what in told:
                    wrong(where, what)
                if not script:
                    if page.locator("#filter, #copy").locator("visible=true").count():
                        wrong(where, "shows what does not work")
                    continue
                page.evaluate(AXE)
                found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
                for violation in found["violations"]:
                    nodes = [(node["html"][:200], node["failureSummary"]) for node in violation["nodes"][:2]]
                    wrong(where, f"axe {violation['id']}: {violation['help']}: {nodes}")
                if len(found["passes"]) < 20:
                    wrong(where, f"axe looked at {len(found['passes'])} rules only")


def column(page, number):
    return page.evaluate(
        """(number) => [...document.querySelectorAll('#tables tbody tr')].filter((row) => !row.hidden)
            .map((row) => row.cells[number].dataset.v ?? row.cells[number].textContent)""",
        number,
    )


def expect(where, what, found, wanted):
    if found != wanted:
        wrong(where, f"{what}: {str(found)[:300]}, not {str(wanted)[:300]}")


def sort(browser, path):
    told = []
    with opened(browser, path, told=told) as page:
        heads = page.locator("#tables thead th")
        all_rows = len(column(page, 0))
        expect("at first", "sorted heads", page.locator("[aria-sort]").count(), 0)
        expect("at first", "the first state", column(page, 1)[0], "error")

        rows_head = heads.filter(has=page.get_by_role("button", name="Rows", exact=True))
        rows_head.get_by_role("button").click()
        figures = [float(value) for value in column(page, 2) if value]
        expect("a click", "rows", figures, sorted(figures, reverse=True))
        expect("a click", "aria-sort", rows_head.get_attribute("aria-sort"), "descending")
        expect("a click", "what has no figure", column(page, 2)[-1], "")
        # The same by keyboard alone: from the top of the page to the head, then Space.
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "Rows":
                break
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        expect("by keyboard", "the outline", outline, "solid")
        page.keyboard.press("Space")
        figures = [float(value) for value in column(page, 2) if value]
        expect("by keyboard", "rows", figures, sorted(figures))
        expect("by keyboard", "aria-sort", rows_head.get_attribute("aria-sort"), "ascending")
        expect("by keyboard", "what has no figure", column(page, 2)[-1], "")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect("Enter", "one head", page.locator("[aria-sort]").count(), 1)
        expect("Enter", "the head", page.locator("[aria-sort]").text_content(), "State")
        states = column(page, 1)
        expect("Enter", "states", states, sorted(states))

        page.get_by_label("Name").fill("ORDERS")
        names = column(page, 0)
        expect("a name", "names", [name for name in names if "orders" not in name], [])
        expect("a name", "how many", page.locator("#shown").text_content(), f"{len(names):,} of {all_rows:,} shown")
        page.get_by_label("Name").fill("")
        page.get_by_label("State").focus()
        page.keyboard.type("err")
        expect("a state", "states", set(column(page, 1)), {"error"})
        page.get_by_label("State").select_option("")
        expect("nothing chosen", "rows", len(column(page, 0)), all_rows)
        page.get_by_label("Name").fill("no such table")
        expect("nothing found", "how many", page.locator("#shown").text_content(), f"0 of {all_rows:,} shown")
    for what in told:
        wrong("sort", what)


def text(browser, path, names):
    told = []
    with opened(browser, path, told=told) as page:
        spread(page)
        shown = page.evaluate("document.body.textContent")
        for name in json.loads(names):
            if name not in shown:
                wrong("text", f"does not show {name!r}")
        expect("text", "scripts", page.locator("script").count(), 1)
        expect("text", "the title", page.title().startswith("failed: "), True)
        links = page.evaluate("[...document.querySelectorAll('[href], [src]')].map((one) => one.getAttribute('href'))")
        expect("text", "links", [link for link in links if not link.startswith("#")], [])
        handlers = page.evaluate(
            "[...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames()).filter((name) => /^(on|style)/.test(name))"
        )
        expect("text", "handlers", handlers, [])
        width = page.evaluate("document.documentElement.scrollWidth")
        expect("text", "the width", width, DESK[0])
    for what in told:
        wrong("text", what)


def copy(browser, path):
    with opened(browser, path) as page:
        page.get_by_role("button", name="Copy").click()
        page.get_by_text("Copied", exact=True).wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        expect("copy", "the command", copied, page.locator("#command").text_content())
        if not copied.startswith("sync retry --session "):
            wrong("copy", f"copies {copied!r}")


def pictures(browser, folder, paths):
    for path in paths:
        shutil.copy(path, folder)
        for size, scheme in [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]:
            with opened(browser, path, size, scheme) as page:
                name = f"{pathlib.Path(path).stem}-{size[0]}-{scheme}.png"
                height = min(page.evaluate("document.documentElement.scrollHeight"), 4000)
                page.set_viewport_size({"width": size[0], "height": height})
                page.screenshot(path=pathlib.Path(folder) / name)


def main(what, *arguments):
    with browser() as launched:
        match what:
            case "quiet":
                quiet(launched, arguments)
            case "sort":
                sort(launched, *arguments)
            case "text":
                text(launched, *arguments)
            case "copy":
                copy(launched, *arguments)
            case "pictures":
                pictures(launched, arguments[0], arguments[1:])
            case _:
                sys.exit(__doc__)
    print("\n".join(problems), end="")
    return 1 if problems else 0


sys.exit(main(*sys.argv[1:]))
