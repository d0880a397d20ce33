"""The quiz's page in Chromium: opened, answered, looked at."""

import csv
import json
import shutil
import time
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium or chromedriver is missing"
)
PAIRS, CHECKS = 3, 1  # of a page
TRIALS = 2 * PAIRS + CHECKS
ANSWER = """
const [guess, confidence, done] = arguments;
const word = document.getElementById("word")?.textContent;
const [, label, how] = /“(.*)” with (\\w+)/.exec(word) || [];
const click = (name, value) => document.querySelector(`[data-${name}="${value}"]`).click();
click("class", label || guess);
click("confidence", how || confidence);
const ready = () => !document.querySelector(".choices") || Quiz.clock.seconds() !== null;
(function wait() { if (ready()) done(); else setTimeout(wait, 5); })();
"""
SHOWN = "return Quiz.clock.seconds() !== null"


def start(folder: Path, profile: str = "profile") -> webdriver.Chrome:
    """A browser whose profile and downloads are in a folder."""
    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder / profile}",
    ):
        options.add_argument(argument)
    preferences = {
        "download.default_directory": str(folder / "downloads"),
        # a script's clicks are no person's, after which alone a page may save files
        "profile.default_content_setting_values.automatic_downloads": 1,
    }
    options.add_experimental_option("prefs", preferences)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(str(DRIVER)))


class Page:
    """A page that a participant has before him."""

    def __init__(self, browser: webdriver.Chrome, downloads: Path):
        self.browser, self.downloads = browser, downloads

    def open(self, address: str) -> None:
        self.browser.get(address)

    def js(self, code: str, *arguments):
        return self.browser.execute_script(code, *arguments)

    def until(self, code: str, seconds: float = 10.0):
        return WebDriverWait(self.browser, seconds, 0.02).until(lambda _: self.js(code))

    def until_at(self, place: str) -> None:
        """Wait for the picture of a place, as "2 of"."""
        self.until(
            "return document.getElementById('place').textContent.includes("
            f"{place!r}) && Quiz.clock.seconds() !== null"
        )

    def click(self, selector: str) -> None:
        self.browser.find_element(By.CSS_SELECTOR, selector).click()

    def press(self, *keys: str) -> None:
        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()

    def text(self) -> str:
        return self.browser.find_element(By.TAG_NAME, "body").text

    def resize(self, width: int, height: int = 800, dark: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def begin(self, address: str) -> None:
        """Agree, read, practise; then the first picture is there."""
        self.open(address)
        self.click("#agree")
        self.click("#go")
        self.click("#go")
        self.practise()
        self.until(SHOWN)

    def practise(self) -> None:
        for number, confidence in enumerate(("low", "higher")):
            self.until("return Quiz.clock.seconds() !== null")
            self.click(f".choices button:nth-child({number + 1})")
            self.click(f"[data-confidence={confidence}]")
        self.click("#go")

    def answer(self, guess: str | None = None, confidence: str = "higher") -> None:
        """Answer what is shown; a question in place of a picture is answered as it asks."""
        self.until(SHOWN)
        self.browser.execute_async_script(ANSWER, guess or "cat", confidence)

    def answer_all(self, guess=lambda: "cat") -> None:
        while self.js("return !!document.querySelector('.choices')"):
            self.answer(guess())

    def tab(self, times: int = 1) -> None:
        self.press(*[Keys.TAB] * times)

    def events(self, participant: str, page: int = 1) -> list[dict]:
        """The log that the browser keeps."""
        return self.js(
            "return Quiz.store.readLog(arguments[0] + ':' + arguments[1])", participant, page
        )

    def saved(self, participant: str, count: int = 1) -> list[dict[str, str]]:
        """The rows of the newest file of a participant, of at least so many."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = sorted(
                self.downloads.glob(f"answers-*-{participant}-page*.csv"),
                key=lambda path: path.stat().st_mtime_ns,
            )
            if len(found) >= count:
                with open(found[-1], newline="") as file:
                    return list(csv.DictReader(file))
            time.sleep(0.02)
        raise AssertionError(f"no file of {participant} in {list(self.downloads.iterdir())}")

    def errors(self) -> list[str]:
        """What the browser has said of the page."""
        return [json.dumps(entry) for entry in self.browser.get_log("browser")]


def address(folder: Path, who: str, quiz: str = "quiz", page: int = 1, more: str = "") -> str:
    """Of a page of a quiz of the tests' own, for a participant."""
    return f"file://{folder}/{quiz}/index.html?participant={who}&page={page}{more}"
