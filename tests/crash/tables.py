"""What the two runs found, as tables of ``docs/security.md``."""

from tests.hostile.summary import write_table


def arguments(words, number):
    """Read how often, and whether the table is wanted, from a command line."""
    numbers = [int(word) for word in words if word != "--table"]
    return (numbers[0] if numbers else number), "--table" in words


def publish(mark, rows, wanted):
    """Print rows of figures as a table, and put it into the document if wanted."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[n]) for n in names] for row in rows)]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    print(text)
    if wanted:
        write_table(text, mark)
