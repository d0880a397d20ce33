// A participant's work on a page: its trials, and where events have led to.  No part of it draws.
"use strict";

Quiz.session = (() => {
  const ADVERSARIAL = "adversarial", CLEAN = "clean";

  // Each pair in random order, the attacked picture first, with attention checks between pairs.
  function trials(items, page, seed) {
    const next = Quiz.random.generator(`${seed}:${page}`);
    const order = Quiz.random.shuffled(items.map((_, i) => i), next);
    const places = Quiz.random.shuffled(order.keys(), next).filter((place) => place > 0);
    const before = new Set(places.slice(0, Quiz.study.checks)); // no check comes first
    const out = [];
    order.forEach((i, place) => {
      if (before.has(place)) {
        const label = Quiz.study.classes[Math.floor(next() * Quiz.study.classes.length)];
        const confidence = next() < 0.5 ? "low" : "higher";
        out.push({ check: true, image: `check-${page}-${out.length}`, label, confidence });
      }
      for (const condition of [ADVERSARIAL, CLEAN]) {
        const item = items[i], attacked = condition === ADVERSARIAL;
        out.push({
          check: false,
          condition,
          image: item.image,
          label: item.label,
          prediction: attacked ? item.prediction : item.clean_prediction,
          source: attacked ? item.adversarial : item.clean,
          picture: attacked ? item.adversarial_digest : item.clean_digest,
        });
      }
    });
    return out;
  }

  // What a log of events comes to.
  function replay(events) {
    const state = { begin: null, practised: false, answers: [], earlier: [], saved: false, finished: false };
    for (const event of events) {
      if (event.event === "begin") state.begin = event;
      else if (event.event === "practised") state.practised = true;
      else if (event.event === "answer") {
        state.answers[event.trial] = event;
        state.saved = false;
      } else if (event.event === "undo") {
        const taken = state.answers.pop();
        if (taken) (state.earlier[taken.trial] ||= []).push({ ...taken, undone: event.at });
        state.finished = false;
        state.saved = false;
      } else if (event.event === "pause") {
        (state.earlier[state.answers.length] ||= []).push(event);
      } else if (event.event === "finish") state.finished = true;
      else if (event.event === "save") state.saved = true;
    }
    return state;
  }

  // Right answers and those that are the network's, of pairs that are complete.
  function scores(list, answers) {
    const out = {
      adversarial: { seen: 0, right: 0, aligned: 0 },
      clean: { seen: 0, right: 0, aligned: 0 },
    };
    list.forEach((trial, i) => {
      const whole = trial.condition === CLEAN ? answers[i] : answers[i + 1];
      if (trial.check || !answers[i] || !whole) return;
      const sums = out[trial.condition];
      sums.seen += 1;
      sums.right += answers[i].guess === trial.label;
      sums.aligned += answers[i].guess === trial.prediction;
    });
    return out;
  }

  return { trials, replay, scores, ADVERSARIAL, CLEAN };
})();
