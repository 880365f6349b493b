"""Draws the rooms of `src/esrlab` from the layers contract in pyproject.toml.

`python docs/rooms.py` writes docs/images/rooms.svg. `lint-imports` enforces the same contract, so the
drawing cannot show another order than the code keeps.
"""

import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
DRAWING = ROOT / "docs" / "images" / "rooms.svg"

WIDTH, BOX, GAP, MARGIN, TOP = 460, 34, 8, 20, 54
STYLE = """
    text { font: 15px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1c2733 }
    .note { font: 13px system-ui, sans-serif; fill: #52606d }
    .room { fill: #dcebf7; stroke: #5b8db8 }
    .card { fill: #fbfcfd; stroke: #c9d3dc }
    .arrow { stroke: #52606d; stroke-width: 1.5; fill: none }
"""


def read_layers(pyproject: Path = ROOT / "pyproject.toml") -> list[list[str]]:
    """The layers of the contract named "rooms", the highest first; rooms of one layer stand together.

    Raises ValueError where pyproject.toml has no such contract.
    """
    settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    contracts = settings.get("tool", {}).get("importlinter", {}).get("contracts", [])
    for contract in contracts:
        if contract.get("id") == "rooms" and contract.get("type") == "layers":
            return [
                [room.strip(" ()") for room in layer.replace(":", "|").split("|")]
                for layer in contract["layers"]
            ]
    raise ValueError(f'{pyproject} has no layers contract with id = "rooms"')


def draw(layers: list[list[str]]) -> str:
    """An SVG drawing: one box a room, importing rooms above imported ones, on a light card of its own."""
    height = TOP + len(layers) * (BOX + GAP) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        "  <title>The rooms of esrlab; each imports only from those below it</title>",
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="arrow" d="M1 1 L7 4 L1 7"/></marker></defs>',
        f'  <rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'  <text class="note" x="{MARGIN}" y="32">A room imports only from rooms below it.</text>',
    ]
    left, span = MARGIN + 40, WIDTH - 2 * MARGIN - 40
    for row, rooms in enumerate(layers):
        top = TOP + row * (BOX + GAP)
        wide = (span - GAP * (len(rooms) - 1)) / len(rooms)
        for column, room in enumerate(rooms):
            x = left + column * (wide + GAP)
            parts.append(f'  <rect class="room" x="{x:g}" y="{top}" width="{wide:g}" height="{BOX}" rx="5"/>')
            parts.append(
                f'  <text x="{x + wide / 2:g}" y="{top + 22}" text-anchor="middle">{escape(room)}</text>'
            )
    parts.append(
        f'  <path class="arrow" marker-end="url(#head)" d="M{MARGIN + 14} {TOP} V{height - MARGIN - GAP}"/>'
    )
    return "\n".join([*parts, "</svg>", ""])


def write_drawing(path: Path = DRAWING) -> None:
    """Writes the drawing where it differs from what is there."""
    drawing = draw(read_layers())
    if not path.exists() or path.read_text(encoding="utf-8") != drawing:
        path.write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    write_drawing()
