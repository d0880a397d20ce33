// How long an answer takes, and which keys count.
"use strict";

Quiz.clock = (() => {
  let begun = null; // of the picture that is shown, on the page's clock; null while none is
  const down = new Set(); // keys that are held
  const stale = new Set(); // of them, those that were held when the picture came

  // Show a picture once it is decoded, and start the clock in the frame that first has it.
  async function show(image) {
    begun = null;
    stale.clear();
    down.forEach((key) => stale.add(key));
    if (image) {
      image.style.visibility = "hidden";
      try {
        await image.decode();
      } catch (error) {
        // a picture that was taken off the page meanwhile has nothing to decode
      }
    }
    await new Promise((ready) => requestAnimationFrame(ready));
    if (image) image.style.visibility = "";
    begun = performance.now();
    return new Date().toISOString();
  }

  function stop() {
    begun = null;
  }

  function seconds() {
    return begun === null ? null : (performance.now() - begun) / 1000;
  }

  // Whether a press of a key is one of its own: no repeat, and not held from the picture before.
  function fresh(event) {
    return !event.repeat && !stale.has(event.code);
  }

  // before the handlers of other parts, which ask fresh()
  window.addEventListener("keydown", (event) => {
    // a button would take each repeat of a held key for a click
    if (event.repeat && (event.key === "Enter" || event.key === " ")) event.preventDefault();
    down.add(event.code);
  }, true);
  window.addEventListener("keyup", (event) => {
    down.delete(event.code);
    stale.delete(event.code);
  }, true);
  window.addEventListener("blur", () => {
    down.clear();
    stale.clear();
  });

  return { show, stop, seconds, fresh };
})();
