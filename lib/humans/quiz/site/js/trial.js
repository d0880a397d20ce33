// The screen of a picture: it is shown, a class and a confidence are chosen.
"use strict";

Quiz.trial = (() => {
  const { make, put, putHead, say, byId } = Quiz.elements;
  const SHORTCUTS = "shortcuts"; // whether single keys answer, kept in the browser
  let current = null; // what keys and buttons of the screen do

  const shortcuts = () => Quiz.store.read(SHORTCUTS) !== "off";
  const keyOf = (i) => (i < 9 ? String(i + 1) : i === 9 ? "0" : "");

  // The largest whole number of screen dots for a dot of the picture, so that all are alike.
  function scaleOf(height, width) {
    const room = Math.min(byId("main").clientWidth - 60, 340, window.innerHeight * 0.45);
    return Math.max(1, Math.floor(room / Math.max(height, width)));
  }

  function picture(trial) {
    if (!trial.source) return make("span", { class: "word", id: "word" }, `Please answer “${trial.label}” `
      + `with ${trial.confidence} confidence.`);
    const [height, width] = Quiz.study.size, scale = scaleOf(height, width);
    return make("img", {
      id: "picture", src: trial.source, alt: "", width: width * scale, height: height * scale,
      class: Quiz.study.smooth ? "smooth" : null, draggable: "false",
    });
  }

  // trial: as in Quiz.session, or of practice.  about: heading, caption, place and count of trials,
  // buttons of the head, a part below.  answered(guess, confidence, times) is called once.
  async function show(trial, about, answered) {
    const mine = { chosen: null, seconds: null, shown_at: null, done: false, actions: about.actions || {} };
    current = mine;
    const image = picture(trial);
    const keys = () => shortcuts();
    const hint = (key) => (key ? make("kbd", { "aria-hidden": "true", hidden: !keys() }, key) : null);
    const classes = Quiz.study.classes.map((name, i) => make("button",
      { type: "button", "aria-pressed": "false", "data-class": name, click: () => mine.choose(name) },
      make("span", { class: "name" }, name), hint(keyOf(i))));
    const sure = [["low", "Low", "probably wrong", "L"], ["higher", "Higher", "probably right", "H"]].map(
      ([value, text, meaning, key]) => make("button",
        { type: "button", disabled: true, "data-confidence": value, class: "choice", click: () => mine.confirm(value) },
        make("strong", {}, text), ` ${meaning} `, hint(key)));
    const toggle = make("input", {
      type: "checkbox", id: "shortcuts", checked: keys(),
      change: () => {
        Quiz.store.write(SHORTCUTS, toggle.checked ? "on" : "off");
        document.querySelectorAll("kbd").forEach((each) => { each.hidden = !toggle.checked; });
      },
    });

    mine.choose = (name) => {
      const now = Quiz.clock.seconds();
      if (mine.done || now === null) return; // the picture is not there yet
      mine.chosen = name;
      mine.seconds = now;
      classes.forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.class === name)));
      sure.forEach((each) => { each.disabled = false; });
    };
    mine.confirm = (confidence) => {
      const now = Quiz.clock.seconds();
      if (mine.done || mine.chosen === null || now === null) return;
      mine.done = true;
      Quiz.clock.stop();
      answered(mine.chosen, confidence, {
        seconds: mine.seconds, confidence_seconds: now, shown_at: mine.shown_at,
      });
    };

    putHead(
      make("div", { class: "bar" },
        make("div", { class: "grow" },
          make("span", { id: "place" }, about.place),
          make("progress", { max: about.count, value: about.done, "aria-label": "Progress" })),
        about.buttons));
    put(
      make("h1", { class: "unseen" }, about.place),
      make("figure", {}, make("span", { class: "frame" }, image), make("figcaption", { id: "caption" }, about.caption)),
      make("fieldset", { id: "classes", tabindex: "-1" }, make("legend", {}, "What is in the picture?"),
        make("div", { class: "choices" }, classes)),
      make("fieldset", {}, make("legend", {}, "How sure are you?"), make("div", { class: "sure" }, sure)),
      about.below || null,
      make("details", {}, make("summary", {}, "What the classes mean"), Quiz.screens.definitions()),
      make("p", {}, toggle, " ", make("label", { for: "shortcuts" }, "Answer with single keys: 1 to 9 and 0, L, H, U, P")),
    );
    byId("classes").focus({ preventScroll: true });
    say(`${about.place}. ${about.caption}.`);
    mine.shown_at = await Quiz.clock.show(trial.source ? image : null);
  }

  function leave() {
    current = null;
    Quiz.clock.stop();
  }

  document.addEventListener("keydown", (event) => {
    if (!current || event.ctrlKey || event.metaKey || event.altKey || !shortcuts()) return;
    if (!Quiz.clock.fresh(event) || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const key = event.key.toLowerCase();
    const number = Quiz.study.classes.findIndex((_, i) => keyOf(i) === key);
    const action = {
      l: () => current.confirm("low"), h: () => current.confirm("higher"),
      u: current.actions.undo, p: current.actions.pause,
    }[key];
    if (number >= 0) current.choose(Quiz.study.classes[number]);
    else if (action) action();
    else return;
    event.preventDefault();
  });

  return { show, leave };
})();
