"""The quiz in a real browser: what a participant does, and what may happen meanwhile."""

import functools
import http.server
import itertools
import shutil
import statistics
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from attacked_sets import CLASSES, write_attacked
from quiz_page import CHROMIUM, DRIVER, SHOWN, Page, start
from selenium.webdriver.common.keys import Keys

from advlib.humans.judgements import picture_digest, read_judgements
from advlib.humans.quiz.checking import rows
from advlib.humans.quiz.folder import Words, write_quiz
from advlib.humans.quiz.settings import QuizSettings
from advlib.shards.pictures import eight_bits
from advlib.shards.reader import open_set

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium or chromedriver is missing"),
    pytest.mark.xdist_group("chromium"),
]
PAIRS, CHECKS = 3, 1
TRIALS = 2 * PAIRS + CHECKS
ON_NEW_PAGE = "Page.addScriptToEvaluateOnNewDocument"
FORBID = """Object.defineProperty(window, "localStorage",
    {get() { throw new DOMException("", "SecurityError"); }});"""
FILL = """for (let size = 1 << 22; size >= 1; size >>= 1) {
    try { for (;;) localStorage.setItem("filler" + Math.random(), "x".repeat(size)); } catch (e) {}
}"""
EMPTY = """Object.keys(localStorage).filter((k) => k.startsWith("filler"))
    .forEach((k) => localStorage.removeItem(k));"""
LEAVE = "window.addEventListener('beforeunload', (e) => e.stopImmediatePropagation(), true)"
SMALL = """return [...document.querySelectorAll("button, input, a.button")]
    .map((e) => e.getBoundingClientRect())
    .filter((r) => r.width && (r.width < 24 || r.height < 24)).length"""
participants = (f"person{i}" for i in itertools.count())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Quizzes of the same set with other settings, by name."""
    folder = tmp_path_factory.mktemp("quiz")
    write_attacked(str(folder / "attacked"), 2 * PAIRS)
    (folder / "downloads").mkdir()
    kinds = {
        "quiz": {},
        "quiet": {"feedback": False},
        "restart": {"resume": "restart"},
        "block": {"resume": "block"},
        "aged": {"max_age": 1.0},
        "own": {"order": "participant"},
        "paid": {"completion": "https://example.org/complete?cc=1"},
    }
    for name, asked in kinds.items():
        words = Words(completion=asked.pop("completion", ""))
        feedback = asked.pop("feedback", True)
        settings = QuizSettings(batch=PAIRS, checks=CHECKS, **asked)
        source = open_set([str(folder / "attacked")])
        write_quiz(source, str(folder / name), settings, words, feedback=feedback)
    return folder


@pytest.fixture(scope="module")
def browser(folder):
    browser = start(folder)
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, folder):
    page = Page(browser, folder / "downloads")
    page.resize(1000)
    yield page
    assert page.errors() == []
    for handle in browser.window_handles[1:]:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(browser.window_handles[0])
    page.open("about:blank")


@pytest.fixture
def who():
    return next(participants)


def address(folder, who, quiz="quiz", page=1, more=""):
    return f"file://{folder}/{quiz}/index.html?participant={who}&page={page}{more}"


def test_a_whole_page_is_answered_and_saved_as_judgements(page, folder, who):
    page.begin(address(folder, who, more="&STUDY_ID=s1&SESSION_ID=t2"))
    page.answer_all(lambda: "dog")
    found = page.saved(who)
    assert len(found) == TRIALS and "Thank you" in page.text()
    (path,) = (folder / "downloads").glob(f"*-{who}-page1.csv")
    with open(path, "rb") as file:
        judgements = read_judgements([(path.name, file)])
    assert len(judgements.answers) == 2 * PAIRS and judgements.judges() == [who]
    assert all(check.right for check in judgements.checks) and len(judgements.checks) == CHECKS
    assert {(a.more["study_id"], a.more["session_id"]) for a in judgements.answers} == {
        ("s1", "t2")
    }
    source = open_set([str(folder / "attacked")]).read(range(2 * PAIRS))
    for answer in judgements.answers:
        i = int(answer.image)
        attacked = answer.condition == "adversarial"
        shown = eight_bits(source.fields["adversarial"][i]) if attacked else source.image[i]
        assert answer.picture == picture_digest(shown.tobytes())
        assert answer.label == CLASSES[i % 3]
        assert answer.prediction == CLASSES[(i + attacked) % 3]
    order = [(a.image, a.condition) for a in judgements.answers]
    assert [c for _, c in order] == ["adversarial", "clean"] * PAIRS
    assert [a for a, _ in order[::2]] == [a for a, _ in order[1::2]]
    (row,) = rows(judgements)
    assert row["complete"] and (row["checks"], row["checks_passed"]) == (1, 1)


def test_the_picture_on_the_page_is_the_one_of_the_set(page, folder, who):
    page.begin(address(folder, who))
    pixels = page.js(
        "const i = document.getElementById('picture'), c = document.createElement('canvas');"
        "c.width = i.naturalWidth; c.height = i.naturalHeight; const x = c.getContext('2d');"
        "x.drawImage(i, 0, 0); return [...x.getImageData(0, 0, c.width, c.height).data]"
    )
    rgb = bytes(v for i, v in enumerate(pixels) if i % 4 < 3)
    page.answer()
    answer = next(e for e in page.events(who) if e["event"] == "answer")
    item = page.js(
        "const s = Quiz.pages.get(1); const w = Quiz.session.trials(s, 1, arguments[0]);"
        "return w[arguments[1]].picture",
        page.events(who)[0]["seed"],
        answer["trial"],
    )
    assert picture_digest(rgb) == item
    side = page.js("const i = document.getElementById('picture'); return [i.width, i.naturalWidth]")
    assert side[0] % side[1] == 0 and side[0] > side[1]


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


def test_a_pause_hides_the_picture_and_is_no_part_of_the_time(page, folder, who):
    page.begin(address(folder, who))
    page.click("#pause")
    assert not page.js("return !!document.getElementById('picture')")
    page.js("return new Promise((go) => setTimeout(go, 700))")
    page.click(".main-button")
    page.until(SHOWN)
    page.answer()
    answer = next(e for e in page.events(who) if e["event"] == "answer")
    paused, went_on = (
        [e["at"] for e in page.events(who) if e["event"] == name] for name in ("pause", "continue")
    )
    assert len(paused) == len(went_on) == 1
    assert answer["shown_at"] > went_on[0]


def test_scores_are_of_whole_pairs_and_hidden_where_the_study_says_so(page, folder, who):
    page.begin(address(folder, who))
    assert page.js("return document.getElementById('scores').textContent").count("none yet") == 4
    page.answer_all(lambda: "cat")
    page.until("return !!document.getElementById('scores')")
    shown = page.js("return [...document.querySelectorAll('#scores td')].map((e) => e.textContent)")
    rows = [r for r in page.saved(who) if r["check"] == "false"]
    for text, condition, wanted in (
        (shown[0], "adversarial", "label"),
        (shown[1], "clean", "label"),
        (shown[2], "adversarial", "prediction"),
        (shown[3], "clean", "prediction"),
    ):
        some = [r for r in rows if r["condition"] == condition]
        assert text.startswith(f"{sum(r['guess'] == r[wanted] for r in some)} of {PAIRS} ")
    other = next(participants)
    page.begin(address(folder, other, "quiet"))
    assert not page.js("return !!document.getElementById('scores')")
    page.answer_all()
    assert page.js("return !!document.getElementById('scores')")


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


def test_times_are_those_of_the_answers(page, folder, who):
    """From the frame that shows the picture to the choice; half of a few answers within 40 ms."""
    page.begin(address(folder, who))
    off = []
    for number in range(5):
        page.until("return Quiz.clock.seconds() !== null")
        waited = page.browser.execute_async_script(
            "const done = arguments[0], begun = Quiz.clock.seconds(), t = performance.now();"
            "setTimeout(() => { const a = performance.now() - t;"
            " document.querySelector('.choices button').click();"
            " setTimeout(() => { const b = performance.now() - t;"
            "  document.querySelector('[data-confidence=low]').click();"
            "  done([begun + a / 1000, begun + b / 1000]); }, 60); }, 250);"
        )
        answer = [e for e in page.events(who) if e["event"] == "answer"][number]
        off += [answer["seconds"] - waited[0], answer["confidence_seconds"] - waited[1]]
        page.until("return Quiz.clock.seconds() !== null")
    assert statistics.median(map(abs, off)) < 0.04


def test_the_order_is_one_for_all_or_one_for_each(page, folder):
    def order(quiz):
        who = next(participants)
        page.begin(address(folder, who, quiz))
        return page.js(
            "return Quiz.session.trials(Quiz.pages.get(1), 1, arguments[0]).map((t) => t.image)",
            page.events(who)[0]["seed"],
        )

    assert order("quiz") == order("quiz")
    assert len({tuple(order("own")) for _ in range(4)}) > 1


def test_pages_are_listed_with_what_was_done(page, folder, who):
    page.begin(address(folder, who))
    page.answer()
    page.open(f"file://{folder}/quiz/index.html?participant={who}")
    assert "Page 1" in page.text() and "1 answers" in page.text() and "not begun" in page.text()
    page.open(address(folder, who, page=7))
    assert "There are pages 1 to 2" in page.text()


def test_the_completion_address_comes_after_the_save(page, folder, who):
    page.begin(address(folder, who, "paid"))
    for _ in range(TRIALS):
        assert "example.org" not in page.js("return document.body.innerHTML")
        page.answer()
    page.until("return !!document.getElementById('completion')")
    assert page.saved(who) and page.events(who)[-1]["event"] == "save"
    link = page.js("return document.getElementById('completion').href")
    assert link == "https://example.org/complete?cc=1"


def test_it_is_the_same_from_a_server_which_is_asked_for_its_files_alone(page, folder, who):
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *about):
            asked.append(self.path.partition("?")[0])

    served = functools.partial(Handler, directory=str(folder / "quiz"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.begin(f"http://127.0.0.1:{server.server_address[1]}/?PROLIFIC_PID={who}&page=2")
        page.answer_all()
        assert len(page.saved(who)) == TRIALS
        server.shutdown()
    files = {f"/{p.relative_to(folder / 'quiz')}" for p in (folder / "quiz").rglob("*")} | {"/"}
    assert set(asked) <= files and "/data/page-001.js" not in asked


def test_a_missing_file_is_named(page, folder, who, tmp_path):
    shutil.copytree(folder / "quiz", tmp_path / "copy")
    (tmp_path / "copy/data/page-001.js").unlink()
    page.open(f"file://{tmp_path}/copy/index.html?participant={who}&page=1")
    page.until("return document.body.textContent.includes('data/page-001.js could not be read')")
    page.browser.get_log("browser")


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
