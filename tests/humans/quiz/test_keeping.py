"""What the browser keeps: after reloads, crashes, in other tabs, without room for it."""

import shutil

import pytest
from quiz_page import SHOWN, TRIALS, Page, address, needs_browser, start

pytestmark = needs_browser
ON_NEW_PAGE = "Page.addScriptToEvaluateOnNewDocument"
FORBID = """Object.defineProperty(window, "localStorage",
    {get() { throw new DOMException("", "SecurityError"); }});"""
FILL = """for (let size = 1 << 22; size >= 1; size >>= 1) {
    try { for (;;) localStorage.setItem("filler" + Math.random(), "x".repeat(size)); } catch (e) {}
}"""
EMPTY = """Object.keys(localStorage).filter((k) => k.startsWith("filler"))
    .forEach((k) => localStorage.removeItem(k));"""
LEAVE = "window.addEventListener('beforeunload', (e) => e.stopImmediatePropagation(), true)"


def test_after_a_reload_it_goes_on_where_it_was_left(page, folder, who):
    page.begin(address(folder, who))
    page.answer()
    page.answer()
    place = page.js("return document.getElementById('place').textContent")
    page.open(address(folder, who))
    assert "2 answers" in page.text()
    page.click(".main-button")
    page.until(SHOWN)
    assert page.js("return document.getElementById('place').textContent") == place
    page.answer_all()
    assert len(page.saved(who)) == TRIALS


def test_a_browser_that_was_closed_knows_the_answers(folder, tmp_path, who):
    (tmp_path / "downloads").mkdir()
    for expected in (0, 2):
        browser = start(tmp_path)
        try:
            page = Page(browser, tmp_path / "downloads")
            page.open(address(folder, who))
            if expected:
                if "open in another tab" in page.text():  # it had no time to say that it closes
                    page.click(".main-button")
                assert "2 answers" in page.text()
            else:
                page.begin(address(folder, who))
                page.answer()
                page.answer()
        finally:
            browser.quit()


def test_undo_takes_the_last_answer_back_and_keeps_it_as_an_event(page, folder, who):
    page.begin(address(folder, who))
    page.answer("dog", "low")
    page.click("#undo")
    page.until(SHOWN)
    page.answer_all(lambda: "cat")
    first = page.saved(who)[0]
    assert (first["guess"], first["confidence"]) == ("cat", "higher")
    assert '"guess":"dog"' in first["events"] and '"undone":' in first["events"]


def test_another_policy_begins_anew_and_keeps_what_was(page, folder, who):
    page.begin(address(folder, who, "restart"))
    page.answer()
    page.open(address(folder, who, "restart"))
    assert "begins anew" in page.text()
    page.click(".main-button")
    kept = page.js("return Object.keys(localStorage).filter((k) => k.includes('aside:'))")
    assert any(who in key for key in kept)
    assert len(page.events(who)) == 1


@pytest.mark.parametrize(("quiz", "said"), [("block", "was begun before"), ("aged", "1 hours ago")])
def test_a_page_may_be_closed_to_who_comes_back(page, folder, who, quiz, said):
    page.begin(address(folder, who, quiz))
    page.answer()
    if quiz == "aged":
        page.js(
            "const k = Object.keys(localStorage).find((k) => k.includes('log:' + arguments[0]));"
            "const e = JSON.parse(localStorage[k]);"
            "e[0].at = new Date(Date.now() - 7200000).toISOString();"
            "localStorage[k] = JSON.stringify(e)",
            who,
        )
    page.open(address(folder, who, quiz))
    assert said in page.text()
    page.click(".main-button")
    assert len(page.saved(who)) == 1


def test_a_second_tab_is_told_and_may_take_over(page, folder, who):
    page.begin(address(folder, who))
    page.answer()
    first = page.browser.current_window_handle
    page.browser.switch_to.new_window("tab")
    page.open(address(folder, who))
    assert "open in another tab" in page.text()
    page.click(".main-button")
    assert "1 answers" in page.text()
    page.browser.switch_to.window(first)
    page.until("return document.body.textContent.includes('taken over')")
    assert not page.js("return !!document.querySelector('.choices')")


@pytest.mark.parametrize("how", ["full", "forbidden"])
def test_answers_outlive_a_browser_that_keeps_nothing(page, folder, who, how):
    made = None
    if how == "forbidden":
        made = page.browser.execute_cdp_cmd(ON_NEW_PAGE, {"source": FORBID})
    page.begin(address(folder, who))
    if how == "full":
        page.js(FILL)
    try:
        page.answer()
        assert ("no room left" if how == "full" else "does not let the page keep") in page.text()
        page.click("#save-now")
        assert len(page.saved(who)) == 1
        page.answer_all()
        assert len(page.saved(who, 2)) == TRIALS
    finally:
        if made:
            page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)
        else:
            page.js(EMPTY)
        page.js(
            "window.addEventListener('beforeunload', (e) => e.stopImmediatePropagation(), true)"
        )


def test_the_completion_address_comes_after_the_save(page, folder, who):
    page.begin(address(folder, who, "paid"))
    for _ in range(TRIALS):
        assert "example.org" not in page.js("return document.body.innerHTML")
        page.answer()
    page.until("return !!document.getElementById('completion')")
    assert page.saved(who) and page.events(who)[-1]["event"] == "save"
    link = page.js("return document.getElementById('completion').href")
    assert link == "https://example.org/complete?cc=1"


def test_a_missing_file_is_named(page, folder, who, tmp_path):
    shutil.copytree(folder / "quiz", tmp_path / "copy")
    (tmp_path / "copy/data/page-001.js").unlink()
    page.open(f"file://{tmp_path}/copy/index.html?participant={who}&page=1")
    page.until("return document.body.textContent.includes('data/page-001.js could not be read')")
    page.browser.get_log("browser")
