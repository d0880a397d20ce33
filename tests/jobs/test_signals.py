"""Signals to a group, a closed terminal, Ctrl-C: the job saves, and its helpers live so long."""

import os
import pty
import random
import signal
import subprocess
import sys
import time

import pytest
from small_runs import ENV, RANKS, RUN, advtrain, same_weights

from advlib.jobs.signals import GROUP, StopRequest, broken_pipes_raise, end_with_parent, held

LINE = f"{RUN} --workers 2"


def started(folder, line, **extra):
    """A command line in a process group of its own."""
    extra = {"stderr": subprocess.PIPE, "text": True} | extra
    return subprocess.Popen(line.split(), cwd=folder, env=ENV, start_new_session=True, **extra)


def steps(log):
    return log.read_text().count('"event": "step"') if log.exists() else 0


def wait_for_steps(job, log, seen=0):
    """Until the log has more rows of steps than were seen."""
    while job.poll() is None and steps(log) <= seen:
        time.sleep(0.01)


@pytest.mark.parametrize("number", GROUP)
def test_a_signal_to_the_group_saves_and_the_same_line_goes_on(small_run, number):
    sets, name = small_run.parent, f"group{int(number)}"
    job = started(sets, f"{LINE} -o {name}")
    wait_for_steps(job, sets / name / "log.jsonl")
    os.killpg(job.pid, number)
    _, said = job.communicate(timeout=300)
    assert job.returncode == 128 + number, said
    assert said.splitlines()[-1].startswith(f"advtrain: note: stopped; its state is in {name}")
    assert "Traceback" not in said and "Error" not in said
    advtrain(sets, f"{RUN} -o {name}")
    assert same_weights(small_run / "last.safetensors", sets / name / "last.safetensors")


def test_signals_to_the_group_of_two_ranks_with_workers_lose_nothing(small_run):
    sets = small_run.parent
    chance, line = random.Random(3), f"{RANKS} --no-python {LINE}"
    log = sets / "ranks/log.jsonl"
    for turn in range(3):
        seen = steps(log)
        job = started(sets, f"{line} -o ranks")
        wait_for_steps(job, log, seen)
        time.sleep(chance.uniform(0, 0.5))
        os.killpg(job.pid, signal.SIGTERM)
        _, said = job.communicate(timeout=300)
        assert (sets / "ranks/state.safetensors").exists(), (turn, said)
        assert "DataLoader worker" not in said, said
    done = subprocess.run(f"{line} -o ranks".split(), cwd=sets, env=ENV, capture_output=True)
    assert done.returncode == 0, done.stderr
    subprocess.run(f"{line} -o ranks-whole".split(), cwd=sets, env=ENV, check=True)
    assert same_weights(sets / "ranks-whole/last.safetensors", sets / "ranks/last.safetensors")


def test_a_closed_terminal_saves(small_run):
    sets, name = small_run.parent, "terminal"
    controller, terminal = pty.openpty()
    script = "import fcntl, os, sys, termios; fcntl.ioctl(2, termios.TIOCSCTTY, 0); "
    script += "os.execvp(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", script, *LINE.split(), "-o", name]
    job = subprocess.Popen(
        words,
        cwd=sets,
        env=ENV,
        start_new_session=True,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    wait_for_steps(job, sets / name / "log.jsonl")
    os.close(controller)
    assert job.wait(timeout=300) == 128 + signal.SIGHUP
    assert (sets / name / "state.safetensors").exists()
    advtrain(sets, f"{RUN} -o {name}")
    assert same_weights(small_run / "last.safetensors", sets / name / "last.safetensors")


def test_a_second_interrupt_ends_at_once_and_an_ignored_signal_stays_ignored(monkeypatch):
    before = {number: signal.getsignal(number) for number in GROUP}
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    asked, now = StopRequest(), [10.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    try:
        with asked.listening():
            os.kill(os.getpid(), signal.SIGHUP)
            assert not asked
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)  # torchrun repeats what the terminal sent
            assert asked and asked.status == 130
            now[0] += 2
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == before[signal.SIGINT]
    finally:
        signal.signal(signal.SIGHUP, before[signal.SIGHUP])


def test_a_process_started_while_signals_are_held_ends_by_its_parent_alone():
    reader, writer = os.pipe()
    with held():
        child = os.fork()
        if not child:
            end_with_parent()
            os.write(writer, b"x")
            time.sleep(60)
            os._exit(1)
    os.read(reader, 1)
    for number in GROUP:
        subprocess.run(["kill", f"-{int(number)}", str(child)], check=True)
    time.sleep(0.2)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_broken_pipe_raises_where_it_would_end_the_process():
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        read, write = os.pipe()
        os.close(read)
        with broken_pipes_raise(), pytest.raises(BrokenPipeError):
            os.write(write, b"x")
        os.close(write)
        assert signal.getsignal(signal.SIGPIPE) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGPIPE, before)
