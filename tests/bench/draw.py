# SPDX-License-Identifier: LGPL-2.1-or-later
"""Columns of figures as text, and as bars in an SVG: one group of bars for each row, one colour for each column."""

COLOURS = ("#2d6a9f", "#d1762a", "#8a8f98")
WIDTH, GROUP, BAR, LEFT, TOP = 760, 96, 22, 150, 70


def table(title, unit, columns, rows):
    """rows: {name: [a figure for each column]}."""
    lines = [f"{title} ({unit})", f"{'':22}" + "".join(f"{c:>16}" for c in columns)]
    lines += [f"{name:22}" + "".join(f"{value:16.2f}" for value in values) for name, values in rows.items()]
    return "\n".join(lines)


def bars(title, unit, columns, rows, note):
    """The same as a drawing; bars are as long as their figures, each row with a scale of its own."""
    height = TOP + GROUP * len(rows) + 60
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>', f'<text x="16" y="28" font-size="17">{title}</text>']
    for n, column in enumerate(columns):
        parts.append(f'<rect x="{16 + 180 * n}" y="42" width="12" height="12" fill="{COLOURS[n % len(COLOURS)]}"/>'
                     f'<text x="{34 + 180 * n}" y="53">{column}</text>')
    for row, (name, values) in enumerate(rows.items()):
        y = TOP + GROUP * row + 10
        parts.append(f'<text x="16" y="{y + GROUP / 2 - 10:.0f}">{name}</text>')
        for n, value in enumerate(values):
            length = (WIDTH - LEFT - 130) * value / (max(values) or 1)
            parts.append(f'<rect x="{LEFT}" y="{y + n * (BAR + 4)}" width="{max(length, 1):.1f}" height="{BAR}"'
                         f' fill="{COLOURS[n % len(COLOURS)]}"/>'
                         f'<text x="{LEFT + max(length, 1) + 8:.1f}" y="{y + n * (BAR + 4) + 16}">{value:.2f} {unit}</text>')
    parts.append(f'<text x="16" y="{height - 20}" fill="#555">{note}</text></svg>\n')
    return "\n".join(parts)


def save(path, *what):
    with open(path, "w", encoding="utf-8") as file:
        file.write(bars(*what))
