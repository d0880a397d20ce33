// Screens other than those of pictures: consent, instructions, the list of pages, messages, the end.
"use strict";

Quiz.screens = (() => {
  const { make, put, putHead, notice, paragraphs, byId } = Quiz.elements;

  function title() {
    return make("h1", {}, Quiz.study.title);
  }

  function mainButton(text, action, id = "go") {
    return make("button", { type: "button", class: "main-button", id, click: action }, text);
  }

  // The classes, with what is meant by them where that is not plain.
  function definitions() {
    const given = Quiz.study.definitions;
    return make("ul", { id: "definitions" }, Quiz.study.classes.map((name) =>
      make("li", {}, make("strong", {}, name), given[name] ? `: ${given[name]}` : "")));
  }

  function consent(participant, agreed) {
    const name = make("input", { type: "text", id: "participant", autocomplete: "off", spellcheck: "false" });
    const box = make("input", { type: "checkbox", id: "agree" });
    const wrong = make("p", { id: "wrong", role: "alert" });
    putHead();
    put(
      title(),
      paragraphs(Quiz.study.consent),
      participant ? null : make("p", {}, make("label", { for: "participant" },
        "A name or number for your answers, if you were given one:"), name),
      make("p", {}, box, " ", make("label", { for: "agree" }, "I have read this and take part of my own free will.")),
      wrong,
      mainButton("Begin", () => {
        if (!box.checked) {
          wrong.textContent = "Please tick the box first, if you agree.";
          box.focus();
          return;
        }
        const typed = name.value.trim().slice(0, 100);
        agreed(participant || typed || `p-${Math.random().toString(36).slice(2, 10)}`);
      }),
    );
  }

  function instructions(work, done) {
    const pairs = work.trials.filter((trial) => trial.condition === "clean").length;
    const size = Quiz.study.size.join(" by ");
    putHead();
    put(
      title(),
      make("h2", {}, "What to do"),
      make("ol", {},
        make("li", {}, `You see ${pairs} small pictures, of ${size} dots, each twice: first one in which some dots`
          + " were changed a little, then the original."),
        make("li", {}, "Choose what is in the picture. If you cannot tell, choose what is most likely."),
        make("li", {}, "Then say how sure you are: ", make("strong", {}, "low"),
          " only if you think you are probably wrong, else ", make("strong", {}, "higher"),
          ". With that the next picture comes."),
        Quiz.study.checks ? make("li", {}, "Now and then a sentence stands where the picture was and asks for a"
          + " certain answer; give that one.") : null),
      make("h2", {}, "The classes"),
      definitions(),
      make("h2", {}, "Good to know"),
      make("ul", {},
        make("li", {}, "There is no time limit; the time of each answer is noted. Use ", make("strong", {}, "Pause"),
          " when you want to rest, and ", make("strong", {}, "Undo"), " to answer the last picture again."),
        make("li", {}, "Keys: 1 to 9 and 0 choose a class, L and H say how sure you are, U is undo, P is pause."
          + " They can be switched off below the picture."),
        make("li", {}, "Answers are kept in this browser and nowhere else. At the end, and whenever you like, they"
          + " are saved as a file."),
        make("li", {}, "The pictures have no descriptions for screen readers, since these would give the answer away.")),
      mainButton("Try it without a picture", () => done()),
    );
  }

  function pages(participant, address) {
    const count = Quiz.study.pages.length;
    putHead();
    put(
      title(),
      make("p", {}, `The pictures are on ${count} pages. Take the one that you were given, or any.`),
      make("ul", { class: "pages" }, Quiz.study.pages.map((pairs, i) => {
        const log = participant ? Quiz.store.readLog(`${participant}:${i + 1}`) : [];
        const state = Quiz.session.replay(log);
        const so_far = state.finished ? "done" : log.length ? `${state.answers.length} answers` : "not begun";
        return make("li", {}, make("a", { href: address(i + 1) }, `Page ${i + 1}`),
          make("span", { class: "soft" }, `${pairs} pictures, ${so_far}`));
      })),
    );
  }

  // Something that has to be known before it goes on; actions are pairs of words and a function.
  function message(heading, texts, actions) {
    putHead();
    put(
      make("h1", {}, heading),
      paragraphs(texts),
      make("p", { class: "bar" }, actions.map(([text, action], i) => i
        ? make("button", { type: "button", click: action }, text)
        : mainButton(text, action))),
    );
  }

  function scoreTable(work) {
    const sums = Quiz.session.scores(work.trials, work.state.answers);
    const share = (part, of) => (of ? `${part} of ${of} (${Math.round((100 * part) / of)} %)` : "none yet");
    const line = (text, value) => make("tr", {}, make("th", { scope: "row" }, text), make("td", { class: "count" }, value));
    const { adversarial, clean } = sums;
    return make("div", { class: "scroll" }, make("table", { id: "scores" },
      make("caption", { class: "unseen" }, "Your answers so far"),
      make("tbody", {},
        line("Robustness: changed pictures, right", share(adversarial.right, adversarial.seen)),
        line("Accuracy: originals, right", share(clean.right, clean.seen)),
        line("Alignment with the network: changed pictures", share(adversarial.aligned, adversarial.seen)),
        line("Alignment with the network: originals", share(clean.aligned, clean.seen)))));
  }

  function end(work, saved) {
    const name = Quiz.answers.fileName(work);
    const more = Quiz.study.pages.length > 1 ? make("p", {}, make("a", { href: work.address(null) }, "All pages")) : null;
    putHead();
    put(
      make("h1", {}, "Thank you"),
      saved
        ? make("p", { id: "saved" }, "Your answers were saved as ", make("strong", {}, name),
          ", where this browser keeps downloads. Please check that it is there.")
        : make("p", { id: "saved" }, "Please save your answers."),
      make("p", { class: "bar" }, make("button", { type: "button", id: "save", click: work.save }, saved ? "Save again" : "Save")),
      saved && Quiz.study.completion
        ? make("p", {}, make("a", { class: "button", id: "completion", href: Quiz.study.completion }, "Complete the study"))
        : null,
      make("h2", {}, "Your answers"),
      scoreTable(work),
      more,
    );
  }

  // Say, as long as it is so, that the browser keeps nothing.
  function sayTrouble(work) {
    const why = {
      full: "This browser has no room left to keep answers.",
      forbidden: "This browser does not let the page keep answers, as in a private window.",
    }[Quiz.store.trouble];
    if (!why) return notice("trouble");
    if (byId("notice-trouble") && (byId("save-now") || !work)) return undefined;
    return notice("trouble",
      make("p", {}, `${why} They stay in this tab until it is closed: do not close or reload it, and save them as a file.`),
      work ? make("p", {}, make("button", { type: "button", id: "save-now", click: work.save }, "Save now")) : null);
  }

  return { consent, instructions, pages, message, end, scoreTable, definitions, sayTrouble };
})();
