"""Running a command in this process, for tests of what it refuses."""

import shlex

import pytest
from commands import command_of


class Runner:
    """Runs command lines in this process: status, standard output, standard error."""

    def __init__(self, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, line: str) -> tuple[int, str, str]:
        name, *arguments = shlex.split(line)
        self.monkeypatch.setattr("sys.argv", [name, *arguments])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            command_of(name).main(arguments, name)
        out, err = self.capsys.readouterr()
        return int(end.value.code or 0), out, err

    def refuses(self, line: str, said: str) -> None:
        """The line ends with status 2, one line of error that holds `said`, and no output."""
        status, out, err = self(line)
        assert (status, out) == (2, ""), err
        assert said in err
        assert err.count("\n") == 1
        assert err.startswith(f"{line.split()[0]}: ")
