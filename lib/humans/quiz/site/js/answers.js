// Answers as a table, advjudge(5), and as a file.
"use strict";

Quiz.answers = (() => {
  const COLUMNS = [
    "image", "judge", "kind", "condition", "label", "prediction", "guess", "confidence", "seconds",
    "order", "check", "status", "picture", "confidence_seconds", "participant", "study_id",
    "session_id", "study", "page", "trials", "seed", "shown_at", "events",
  ];

  function row(trial, answer, order, work) {
    const about = work.state.begin;
    const first = {
      image: trial.image,
      judge: about.participant,
      kind: "human",
      condition: trial.condition || "adversarial",
      label: trial.label,
      prediction: trial.prediction || "",
      guess: answer.guess,
      confidence: answer.confidence,
      seconds: answer.seconds.toFixed(3),
      order,
      check: trial.check,
      status: "answered",
      picture: trial.picture || "",
      confidence_seconds: answer.confidence_seconds.toFixed(3),
      shown_at: answer.shown_at,
      events: JSON.stringify(work.state.earlier[order] || []),
    };
    return {
      ...first,
      participant: about.participant,
      study_id: about.study_id,
      session_id: about.session_id,
      study: Quiz.study.study,
      page: work.page,
      trials: work.trials.length,
      seed: about.seed,
    };
  }

  function cell(value) {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function csv(work) {
    const rows = work.state.answers.map((answer, i) => row(work.trials[i], answer, i, work));
    const lines = rows.map((each) => COLUMNS.map((name) => cell(each[name])).join(","));
    return [COLUMNS.join(","), ...lines].join("\r\n") + "\r\n";
  }

  function fileName(work) {
    const who = work.state.begin.participant.replace(/[^\w.-]+/g, "_").slice(0, 40);
    return `answers-${Quiz.study.study}-${who}-page${work.page}.csv`;
  }

  // Hand the file to the browser; its name.
  function save(work) {
    const name = fileName(work);
    const address = URL.createObjectURL(new Blob([csv(work)], { type: "text/csv" }));
    const link = Object.assign(document.createElement("a"), { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    return name;
  }

  return { csv, save, fileName };
})();
