// The name under which all parts of the page, and its data, find each other.
"use strict";

const Quiz = {
  study: null, // settings and classes, by data/study.js
  pages: new Map(), // items of a page by its number, by data/page-NNN.js
  addPage(number, items) {
    Quiz.pages.set(number, items);
  },
};
