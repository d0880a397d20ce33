// What the browser keeps: a log of events for each participant and page, and which tab is at it.
//
// Where nothing can be kept, the log lives in this page alone, and `trouble` says why.
"use strict";

Quiz.store = (() => {
  const FRESH = 4000; // milliseconds since another tab's last sign of life
  const TAB = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const memory = new Map();
  let trouble = "";

  function prefix() {
    return `advquiz:${Quiz.study.study}:`; // two studies in one browser never mix
  }

  function read(name) {
    if (memory.has(name)) return memory.get(name);
    try {
      return window.localStorage.getItem(prefix() + name);
    } catch (error) {
      trouble = "forbidden";
      return null;
    }
  }

  function write(name, text) {
    try {
      window.localStorage.setItem(prefix() + name, text);
      memory.delete(name);
      if (memory.size === 0) trouble = "";
      return true;
    } catch (error) {
      trouble = error && error.name === "QuotaExceededError" ? "full" : "forbidden";
      memory.set(name, text);
      return false;
    }
  }

  function readLog(key) {
    try {
      const found = JSON.parse(read(`log:${key}`) || "[]");
      return Array.isArray(found) ? found : [];
    } catch (error) {
      return [];
    }
  }

  function writeLog(key, events) {
    return write(`log:${key}`, JSON.stringify(events));
  }

  // Put a log that is not to go on out of the way; nothing is ever thrown away.
  function setAside(key) {
    const text = read(`log:${key}`);
    if (text && write(`aside:${key}:${Date.now()}`, text)) write(`log:${key}`, "[]");
  }

  function owner(key) {
    try {
      return JSON.parse(read(`tab:${key}`) || "null");
    } catch (error) {
      return null;
    }
  }

  function ownedElsewhere(key) {
    const found = owner(key);
    return Boolean(found && found.tab !== TAB && Date.now() - found.at < FRESH);
  }

  // Be the tab that is at a page; `lost` is called once when another one takes over.
  function own(key, lost) {
    const name = `tab:${key}`;
    const sign = () => write(name, JSON.stringify({ tab: TAB, at: Date.now() }));
    sign();
    const beat = setInterval(() => {
      const found = owner(key);
      if (found && found.tab !== TAB) stop(true);
      else sign();
    }, 1000);
    const heard = (event) => {
      if (event.key === prefix() + name && event.newValue) {
        const found = JSON.parse(event.newValue);
        if (found.tab !== TAB) stop(true);
      }
    };
    function stop(taken) {
      clearInterval(beat);
      window.removeEventListener("storage", heard);
      if (taken) lost();
    }
    window.addEventListener("storage", heard);
    window.addEventListener("pagehide", () => {
      const found = owner(key);
      if (found && found.tab === TAB) write(name, JSON.stringify({ tab: TAB, at: 0 }));
    });
    return () => stop(false);
  }

  return {
    read, write, readLog, writeLog, setAside, ownedElsewhere, own,
    get trouble() { return trouble; },
  };
})();
