// Random numbers that follow from a text alone: the same order after every reload.
"use strict";

Quiz.random = (() => {
  // FNV-1a, with the last mixing of MurmurHash3
  function hash(text) {
    let h = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  }

  // Marsaglia's xorshift of 32 bits; numbers in [0, 1)
  function generator(text) {
    let x = hash(text) || 1;
    return () => {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      return (x >>> 0) / 4294967296;
    };
  }

  // Fisher and Yates
  function shuffled(items, next) {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1));
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  return { generator, shuffled };
})();
