"""Phrases that no sentence for readers may hold, and the sentences that are looked at."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: Pattern, and what to write instead; docs/guides/style.md shows examples.
BANNED = {
    r"not possible; it must": "say what it must be",
    r"\brightly\b": "correctly",
    r"\bthat need minutes\b": "slow, which take minutes",
    r"\breally\b": "leave it out, or say what was measured",
    r"\b(?:explains?|stands?|lies?) behind (?:that|it)\b": "what follows it",
    r"\bbehind the name\b": "after the name",
    r"\blayers? behind\b": "after",
    r"\bhabit from\b": "a pattern from a coincidence",
    r"\bstands? in a window\b": "the pixels of a window",
    r"\bthe class when copied\b": "make the model predict the class",
    r"\bin front of (?:a|an|the|its|any|that)\b(?! (?:camera|person|car|wall))": "before",
    r"(?<!there )\b(?:is|are) no (?!longer\b|evidence\b|matter\b|more\b|\w+er\b)": "is not a",
    r"\bto be noted that\b": "leave it out",
    r"\b(?:obviously|of course|needless to say)\b": "leave it out",
    r"\bsimply\b": "leave it out",
    r"\b(?:leverag|utili[sz])(?:e|es|ed|ing)\b": "use",
    r"\b(?:seamless|cutting-edge|state-of-the-art|blazing)\w*": "say what it does",
    r"\bgo(?:es)? on from here\b": "continues from here",
    r"\bThe numbers stand\b": "the table holds the numbers",
    r"\b(?:speaks?|spoken) (?:for|against) (?:it|the|a|its|this)\b": "supports, opposes",
    r"\bin a process of its own\b": "in a separate process",
    r"\bmore memory than there is\b": "than is available",
    r"\bstands? (?:in (?:the appendix|record\.json)|below their)\b": "is in",
    r"\bno word about\b": "say what is missing",
    r"\bchanged or went\b": "changed or disappeared",
    r"\bbut for two times of\b": "except twice",
}

# Written by programs, or about the words themselves.
_LEFT_OUT = {"coverage.md", "exported.md", "operators.md", "layers.md", "style.md"}


def pages():
    """Pages that people read."""
    own = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    docs = [p for p in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in p.parts]
    return [*own, *(page for page in docs if page.name not in _LEFT_OUT),
            *sorted((ROOT / ".github").rglob("*.md"))]  # fmt: skip


def templates():
    """Texts of reports, which people read as well, without the braces of the language."""
    folder = ROOT / "onnxplain" / "report" / "templates"
    return [*sorted(folder.glob("*.html")), *sorted(folder.glob("*.md"))]


def prose(page):
    """Lines of a page without code."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [re.sub(r"`[^`]*`", "`code`", line) for line in text.splitlines()]


def messages(path):
    """Texts of a module that reach people: strings that are no docstrings, and help of commands."""
    tree = ast.parse(path.read_text("utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    if "cli" in path.parts:
        # The docstring of a command is its help.
        functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
        alone -= {id(f.body[0].value) for f in functions if f.decorator_list and is_text(f.body[0])}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Expr) and is_text(node) and id(node) not in alone:
            yield node.lineno, " ".join(node.value.split())


def is_text(node):
    """Whether a node is a string, or a statement that is nothing else."""
    value = node.value if isinstance(node, ast.Expr) else node
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def found_in(text):
    """Banned phrases of a text, with what to write instead."""
    matches = ((re.search(p, text, re.IGNORECASE), better) for p, better in BANNED.items())
    return [f"{match[0]!r}: {better}" for match, better in matches if match]
