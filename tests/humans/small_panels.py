"""Small panels: made by hand, and simulated with judges of known accuracy."""

import numpy as np

from advlib.humans.panel import NONE, Panel


def panel(guess, *, label, higher=None, people=None, prediction=None, classes=3) -> Panel:
    """guess: (n, m) classes, NONE for none.  By default all judges are people of low confidence."""
    guess, label = np.array(guess), np.array(label)
    n, m = guess.shape
    return Panel(
        images=np.array([f"{i:09d}" for i in range(n)], object),
        classes=tuple("abcdefghij"[:classes]),
        judges=tuple(f"judge{j}" for j in range(m)),
        people=np.ones(m, bool) if people is None else np.array(people, bool),
        label=label,
        prediction=(label + 1) % classes if prediction is None else np.array(prediction),
        asked=np.ones((n, m), bool),
        guess=guess,
        stated=guess != NONE,
        higher=np.zeros((n, m), bool) if higher is None else np.array(higher, bool),
        weight=np.ones(m),
    )


def simulated(images: int, accuracy, rng, *, classes=10, confident=0.5, missing=0.0) -> Panel:
    """Judges who each give the label with their accuracy, alone, and else any other class."""
    accuracy = np.asarray(accuracy)
    label = rng.integers(classes, size=images)
    shape = images, len(accuracy)
    other = (label[:, None] + rng.integers(1, classes, size=shape)) % classes
    guess = np.where(rng.random(shape) < accuracy, label[:, None], other)
    guess = np.where(rng.random(shape) < missing, NONE, guess)
    higher = (rng.random(shape) < confident) & (guess != NONE)
    return panel(guess, label=label, higher=higher, classes=classes)
