"""Reading pages of the manual: sections, entries of lists, what stands in bold."""

import re

import manual

PAGES = {path.name: path for path in manual.PAGES}
FONT = re.compile(r"\\f[BIR]")


def sections(page: str) -> dict[str, str]:
    """The source of each section of a page by its title."""
    parts = re.split(r"^\.SH +(.*)$", PAGES[page].read_text(), flags=re.M)
    return {title.strip('" '): body for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def plain(source: str) -> str:
    """Source without requests, fonts and escapes, arguments set apart by one blank."""
    lines = []
    for line in source.splitlines():
        if macro := re.match(r"\.(BR|RB|BI|IB|RI|IR) (.*)", line):
            words = re.findall(r'"([^"]*)"|(\S+)', macro[2])
            line = "".join(quoted or bare for quoted, bare in words)
        else:
            line = re.sub(r"^\.(?:B|I|SS|IP) |^\.[A-Za-z]+.*", "", line).replace('"', "")
        lines.append(manual.unescape(FONT.sub("", line)))
    return "\n".join(lines)


def entries(source: str) -> list[tuple[str, str]]:
    """Head and body of each .TP entry, as source."""
    lines, out = source.splitlines(), []
    for i, line in enumerate(lines):
        if line == ".TP":
            out.append((lines[i + 1], []))
        elif out and lines[i - 1] != ".TP":
            out[-1][1].append(line)
    return [(head, "\n".join(body)) for head, body in out]


def heads(source: str) -> set[str]:
    """Every name in bold in the heads of .TP entries."""
    found = set()
    for head, _ in entries(source):
        macro, _, rest = head.partition(" ")
        words = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', rest)]
        bold = words if macro == ".B" else words[::2] if macro in (".BR", ".BI") else []
        found |= {manual.unescape(word) for word in bold}
    return found


def fields(value: object, found: set[str]) -> set[str]:
    """`found`, to which all keys within a JSON value are added."""
    if isinstance(value, dict):
        for key, item in value.items():
            found.add(key)
            fields(item, found)
    elif isinstance(value, list):
        for item in value:
            fields(item, found)
    return found
