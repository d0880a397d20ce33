// Elements of the page, and what is said on it.
"use strict";

Quiz.elements = (() => {
  const byId = (id) => document.getElementById(id);

  // An element with attributes; functions are handlers, other children text or elements.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
  }

  // Put a screen in the place of the one before, and read its heading out.
  function put(...children) {
    const main = byId("main");
    main.replaceChildren(...children.flat().filter(Boolean));
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  function putHead(...children) {
    byId("head").replaceChildren(...children.flat().filter(Boolean));
  }

  function say(text) {
    byId("said").textContent = text;
  }

  // A notice stays, below the head, until it is taken back by its name.
  function notice(name, ...children) {
    const old = byId(`notice-${name}`);
    if (!children.length) return old ? old.remove() : undefined;
    const made = make("div", { class: "notice", id: `notice-${name}`, role: "alert" }, ...children);
    if (old) old.replaceWith(made);
    else byId("notices").append(made);
    return undefined;
  }

  function paragraphs(texts) {
    return texts.map((text) => make("p", {}, text));
  }

  return { byId, make, put, putHead, say, notice, paragraphs };
})();
