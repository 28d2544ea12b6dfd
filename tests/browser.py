"""A real Chromium for tests, with everything off that would ask the network on its own."""

from contextlib import contextmanager

from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium(path):
    """Start the Chromium at `path`, and end it afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page that remembers what it asked for and what it complained about."""

    def __init__(self, browser, *, reachable, **settings):
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.requested, self.complaints = [], []
        self._reachable = reachable
        self.page.route("**/*", self._route)
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _route(self, route):
        url = route.request.url
        self.requested.append(url)
        if url.startswith(self._reachable):
            route.continue_()
        else:
            route.abort()

    def _listen(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
