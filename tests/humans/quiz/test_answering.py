"""Answers in a real browser: what is shown, noted, scored and saved."""

import functools
import http.server
import statistics
import threading

from attacked_sets import CLASSES
from quiz_page import CHECKS, PAIRS, SHOWN, TRIALS, address, needs_browser

from advlib.humans.judgements import picture_digest, read_judgements
from advlib.humans.quiz.checking import rows
from advlib.shards.pictures import eight_bits
from advlib.shards.reader import open_set

pytestmark = needs_browser


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


def test_scores_are_of_whole_pairs_and_hidden_where_the_study_says_so(page, folder, who, other):
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
    page.begin(address(folder, other, "quiet"))
    assert not page.js("return !!document.getElementById('scores')")
    page.answer_all()
    assert page.js("return !!document.getElementById('scores')")


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


def test_the_order_is_one_for_all_or_one_for_each(page, folder, who):
    def order(quiz, number):
        page.begin(address(folder, f"{who}-{number}", quiz))
        return page.js(
            "return Quiz.session.trials(Quiz.pages.get(1), 1, arguments[0]).map((t) => t.image)",
            page.events(f"{who}-{number}")[0]["seed"],
        )

    assert order("quiz", 0) == order("quiz", 1)
    assert len({tuple(order("own", number)) for number in (2, 3, 4)}) > 1


def test_pages_are_listed_with_what_was_done(page, folder, who):
    page.begin(address(folder, who))
    page.answer()
    page.open(f"file://{folder}/quiz/index.html?participant={who}")
    assert "Page 1" in page.text() and "1 answers" in page.text() and "not begun" in page.text()
    page.open(address(folder, who, page=7))
    assert "There are pages 1 to 2" in page.text()


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
