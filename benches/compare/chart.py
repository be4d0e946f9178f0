"""The comparison as bars, in SVG."""

import math
from html import escape

WIDTH, LABEL, ROW, GAP = 760, 200, 20, 34
COLOURS = {"wall": "#4878a8", "cpu": "#d1873c"}


def svg(groups):
    """A group for each image: its title, and for each pusher a name, wall and CPU seconds."""
    parts, y = [], 30
    for title, rows in groups:
        longest = max(max(wall, cpu) for _, wall, cpu in rows)
        scale = (WIDTH - LABEL - 70) / nice(longest)
        parts.append(text(8, y, f"{title}, seconds", weight="bold"))
        y += 12
        for name, wall, cpu in rows:
            parts.append(text(LABEL - 8, y + 13, name, anchor="end"))
            for offset, kind, value in [(2, "wall", wall), (10, "cpu", cpu)]:
                parts.append(
                    f'<rect x="{LABEL}" y="{y + offset}" width="{value * scale:.1f}" height="7" '
                    f'fill="{COLOURS[kind]}"/>')
            end = LABEL + max(wall, cpu) * scale + 6
            parts.append(text(end, y + 13, f"{wall:.2f} / {cpu:.2f}", size=10))
            y += ROW
        y += GAP
    legend = [
        f'<rect x="{x}" y="{y - 22}" width="12" height="7" fill="{COLOURS[kind]}"/>'
        + text(x + 18, y - 14, what)
        for x, kind, what in [(LABEL, "wall", "wall"), (LABEL + 80, "cpu", "CPU of the client")]
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
        f'viewBox="0 0 {WIDTH} {y}">\n'
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n'
        + "\n".join(parts + legend) + "\n</svg>\n")


def nice(value):
    """The next of 1, 2 and 5 times a power of ten, so that two charts are of the same scale."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def text(x, y, content, anchor="start", weight="normal", size=12):
    return (
        f'<text x="{x:.1f}" y="{y}" font-family="sans-serif" font-size="{size}" '
        f'font-weight="{weight}" text-anchor="{anchor}" fill="#222222">{escape(content)}</text>')
