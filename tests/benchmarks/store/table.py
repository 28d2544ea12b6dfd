"""How results are printed."""


def show(heads, rows):
    """Print rows of texts in columns, the first to the left and the others to the right."""
    widths = [max(len(str(row[i])) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        first, *rest = [str(cell) for cell in row]
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip(), flush=True)
    print()
