"""The page for everybody: by keyboard, on phones, in large text, with screen readers."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from quiz_page import SHOWN, address, needs_browser
from selenium.webdriver.common.keys import Keys

pytestmark = needs_browser
SMALL = """return [...document.querySelectorAll("button, input, a.button")]
    .map((e) => e.getBoundingClientRect())
    .filter((r) => r.width && (r.width < 24 || r.height < 24)).length"""


def test_the_keyboard_alone_suffices_with_single_keys_and_without(page, folder, who):
    page.open(address(folder, who))
    page.tab()
    page.press(Keys.SPACE)
    page.tab()
    page.press(Keys.ENTER)
    page.until("return document.body.textContent.includes('What to do')")
    page.tab()
    page.press(Keys.ENTER)
    page.until("return Quiz.clock.seconds() !== null")
    page.press("1", "l")
    page.until_at("2 of 2")
    page.press("2", "h")
    page.until("return document.body.textContent.includes('Now the pictures')")
    page.tab()
    page.press(Keys.ENTER)
    page.until(SHOWN)
    page.press("2", "h")
    page.until_at("2 of")
    page.press("u")
    page.until_at("1 of")
    page.click("#shortcuts")
    page.js("document.getElementById('classes').focus()")
    page.press("1", "h")
    assert page.js("return document.getElementById('place').textContent").startswith("Picture 1 of")
    assert page.js("return !document.querySelector('[aria-pressed=true]')")
    page.js("document.getElementById('classes').focus()")
    page.tab()
    page.press(Keys.ENTER)
    page.until("return !!document.querySelector('[aria-pressed=true]')")
    page.tab(3)
    page.press(Keys.ENTER)
    page.until_at("2 of")
    last = [e for e in page.events(who) if e["event"] == "answer"][-1]
    assert (last["guess"], last["confidence"]) == ("cat", "low")
    page.js("Quiz.store.write('shortcuts', 'on')")


def test_held_keys_and_repeats_answer_nothing(page, folder, who):
    page.begin(address(folder, who))
    press = (
        "document.body.dispatchEvent(new KeyboardEvent(arguments[0],"
        " {key: arguments[1], code: arguments[2], repeat: arguments[3], bubbles: true}))"
    )
    page.js(press, "keydown", "1", "Digit1", True)
    assert page.js("return !document.querySelector('[aria-pressed=true]')")
    page.js(press, "keydown", "2", "Digit2", False)
    page.js(press, "keydown", "h", "KeyH", False)
    page.until_at("2 of")
    page.js(press, "keydown", "2", "Digit2", False)  # still held
    assert page.js("return !document.querySelector('[aria-pressed=true]')")
    page.js(press, "keyup", "2", "Digit2", False)
    page.js(press, "keydown", "2", "Digit2", False)
    assert page.js("return !!document.querySelector('[aria-pressed=true]')")
    page.js(press, "keyup", "2", "Digit2", False)
    page.js(press, "keyup", "h", "KeyH", False)


def axe_violations(page) -> list[str]:
    script = Path(find_spec("axe_core_python").origin).parent / "axe.min.js"
    page.js(script.read_text())
    found = page.browser.execute_async_script("axe.run().then(arguments[0])")
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found["violations"]]


def wide(page) -> list:
    return page.js("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_screen_is_accessible_and_fits_phones_and_large_text(page, folder, who, dark):
    def look(screen):
        assert axe_violations(page) == [], screen
        for width, size in ((320, "100%"), (640, "200%")):
            page.resize(width, dark=dark)
            page.js("document.documentElement.style.fontSize = arguments[0]", size)
            scroll, client = wide(page)
            assert scroll <= client, (screen, width)
            small = page.js(SMALL)
            assert small == 0, screen
        page.js("document.documentElement.style.fontSize = ''")
        page.resize(1000, dark=dark)

    page.resize(1000, dark=dark)
    page.open(address(folder, who))
    look("consent")
    page.click("#go")
    look("not agreed")
    page.click("#agree")
    page.click("#go")
    look("instructions")
    page.click("#go")
    look("practice")
    page.practise()
    page.until(SHOWN)
    page.click("[data-class=cat]")
    look("picture")
    page.click("#pause")
    look("pause")
    page.click(".main-button")
    page.until(SHOWN)
    page.answer_all()
    page.until("return !!document.getElementById('saved')")
    look("end")
