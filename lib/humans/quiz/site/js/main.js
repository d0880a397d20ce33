// From opening the page to the file of answers.
"use strict";

(() => {
  const { screens, session, store, trial, answers, elements } = Quiz;
  const { make, say } = elements;
  const asked = new URLSearchParams(window.location.search);
  const PRACTICE = 2; // trials without a picture
  let releaseTab = () => {};

  function address(page) {
    const query = new URLSearchParams(asked);
    if (page) query.set("page", page);
    else query.delete("page");
    return `?${query}`;
  }

  function participant() {
    return asked.get("PROLIFIC_PID") || asked.get("participant") || store.read("participant") || "";
  }

  function loadPage(number) {
    return new Promise((resolve, reject) => {
      const name = `data/page-${String(number).padStart(3, "0")}.js`;
      const script = make("script", { src: name });
      script.onload = () => (Quiz.pages.has(number) ? resolve(Quiz.pages.get(number)) : reject(new Error(name)));
      script.onerror = () => reject(new Error(name));
      document.head.append(script);
    });
  }

  // The work of a participant on a page, with what can be done to it.
  function open(who, page, items) {
    const key = `${who}:${page}`;
    const work = { key, page, who, items, address, events: store.readLog(key) };
    work.log = (event, more = {}) => {
      work.events.push({ event, at: new Date().toISOString(), ...more });
      store.writeLog(key, work.events);
      work.state = session.replay(work.events);
      screens.sayTrouble(work);
    };
    work.save = () => {
      const name = answers.save(work);
      work.log("save", { name });
      if (work.state.finished) screens.end(work, true);
      else say(`Saved as ${name}.`);
    };
    work.refresh = () => {
      work.state = session.replay(work.events);
      const begun = work.state.begin;
      work.trials = begun ? session.trials(items, page, begun.seed) : [];
    };
    work.refresh();
    return work;
  }

  function begin(work) {
    const seed = Quiz.study.own_orders ? `${Quiz.study.seed}:${work.who}` : String(Quiz.study.seed);
    store.write("participant", work.who);
    work.log("begin", {
      participant: work.who,
      study_id: asked.get("STUDY_ID") || "",
      session_id: asked.get("SESSION_ID") || "",
      seed,
      agent: navigator.userAgent,
    });
    work.refresh();
    screens.instructions(work, () => practise(work, 0));
  }

  function practise(work, number) {
    if (number === PRACTICE) {
      work.log("practised");
      trial.leave();
      return screens.message("Ready", ["Now the pictures come."], [["Go on", () => next(work)]]);
    }
    const classes = Quiz.study.classes;
    const wanted = { label: classes[number % classes.length], confidence: number ? "higher" : "low" };
    const about = {
      place: `Practice ${number + 1} of ${PRACTICE}`, caption: "no picture yet", count: PRACTICE, done: number,
    };
    return trial.show(wanted, about, (guess, confidence) => {
      const right = guess === wanted.label && confidence === wanted.confidence;
      elements.notice("practice", ...(right ? [] : [
        make("p", {}, `That was “${guess}”, ${confidence}. Please try again.`)]));
      practise(work, right ? number + 1 : number);
    });
  }

  function next(work) {
    const at = work.state.answers.length, list = work.trials;
    if (at === list.length) return finish(work);
    const one = list[at];
    const undo = () => {
      if (!work.state.answers.length) return;
      work.log("undo");
      next(work);
    };
    const pause = () => {
      work.log("pause");
      trial.leave();
      screens.message("Pause", ["The picture is hidden and the clock stands still."], [
        ["Go on", () => { work.log("continue"); next(work); }], ["Save so far", work.save]]);
    };
    const button = (text, id, action, disabled = false) =>
      make("button", { type: "button", id, click: action, disabled }, text);
    return trial.show(one, {
      place: `Picture ${at + 1} of ${list.length}`,
      caption: one.check ? "a question in place of a picture"
        : one.condition === session.CLEAN ? "the original of the picture before" : "a changed picture",
      count: list.length,
      done: at,
      actions: { undo, pause },
      buttons: [button("Undo", "undo", undo, at === 0), button("Pause", "pause", pause),
        button("Save", "save", work.save)],
      below: Quiz.study.feedback ? make("section", { id: "feedback", "aria-label": "Your answers so far" },
        make("h2", {}, "Your answers so far"), screens.scoreTable(work)) : null,
    }, (guess, confidence, times) => {
      work.log("answer", { trial: at, guess, confidence, ...times });
      next(work);
    });
  }

  function finish(work) {
    trial.leave();
    if (!work.state.finished) {
      work.log("finish");
      work.save();
    } else screens.end(work, work.state.saved);
  }

  function tooOld(work) {
    const hours = (Date.now() - Date.parse(work.state.begin.at)) / 3600000;
    return Quiz.study.max_age !== null && hours > Quiz.study.max_age;
  }

  // What was begun before: go on, begin anew, or neither, as the study has it.
  function goOn(work) {
    const { state } = work, done = state.answers.length;
    const kept = `${done} answers of ${state.begin.participant} are kept in this browser.`;
    if (state.finished) return finish(work);
    const old = tooOld(work);
    if (Quiz.study.resume === "block" || old) {
      const why = old ? `This page was begun more than ${Quiz.study.max_age} hours ago and cannot go on.`
        : "This page was begun before and cannot go on after it was left.";
      return screens.message("This page is closed", [why, kept], [["Save them", work.save]]);
    }
    if (Quiz.study.resume === "restart") {
      store.setAside(work.key);
      work.events = [];
      work.refresh();
      return screens.message("From the beginning", [
        "This page was left before its end, and begins anew.", `${kept} They are put aside.`],
      [["Begin", () => begin(work)]]);
    }
    return screens.message("Welcome back", [kept, "You go on where you left."], [["Go on", () => {
      work.log("resume");
      if (state.practised) next(work);
      else screens.instructions(work, () => practise(work, 0));
    }]]);
  }

  function take(work) {
    releaseTab();
    releaseTab = store.own(work.key, () => {
      trial.leave();
      screens.message("This page is open in another tab", [
        "It was taken over there, with all answers given so far. Close this tab."], [
        ["Use this tab instead", () => window.location.reload()]]);
    });
  }

  function enter(who, page, items) {
    const work = open(who, page, items);
    const proceed = () => {
      take(work);
      const again = open(who, page, items); // another tab may have gone on meanwhile
      if (again.events.length) goOn(again);
      else begin(again);
      screens.sayTrouble(again);
    };
    if (!store.ownedElsewhere(work.key)) return proceed();
    return screens.message("This page is open in another tab", [
      "It is, or was a moment ago. Go on there and close this one; or take the work over to here: nothing of it"
      + " is lost."], [
      ["Use this tab instead", proceed]]);
  }

  async function start() {
    document.title = Quiz.study.title;
    const pages = Quiz.study.pages.length;
    const page = pages === 1 ? 1 : Number(asked.get("page"));
    const who = participant();
    if (!page) return screens.pages(who, address);
    if (!Number.isInteger(page) || page < 1 || page > pages) {
      return screens.message("No such page", [`There are pages 1 to ${pages}.`], [
        ["All pages", () => { window.location.search = address(null); }]]);
    }
    let items;
    try {
      items = await loadPage(page);
    } catch (error) {
      return screens.message("Pictures are missing", [
        `The file ${error.message} could not be read. Were all files of the study copied?`], [
        ["Try again", () => window.location.reload()]]);
    }
    const known = who && store.readLog(`${who}:${page}`).length;
    if (known) return enter(who, page, items);
    screens.consent(who, (name) => enter(name, page, items));
    return screens.sayTrouble(null);
  }

  window.addEventListener("beforeunload", (event) => {
    if (store.trouble) event.preventDefault();
  });
  if (Quiz.study) start();
  else elements.put(make("p", {}, "The file data/study.js could not be read. Were all files of the study copied?"));
})();
