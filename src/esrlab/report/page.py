"""The report page: one self-contained file, made from tables, sentences and figures. Needs Jinja2."""

import base64
from collections.abc import Sequence
from pathlib import Path

from esrlab.errors import UserError
from esrlab.files import write_text
from esrlab.report.caveats import Words
from esrlab.report.formats import WORDS
from esrlab.report.tables import Table
from esrlab.report.verdicts import Judgement

PAGE = """{% macro set(table) %}
<div class="wide"><table>
<caption>{{ table.title }}</caption>
<thead><tr>{% for column in table.columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in table.rows %}<tr{% if row.begins_group %} class="group"{% endif %}>
{%- for cell in row.cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
</table></div>
{% for note in table.footnotes %}<p class="footnote">{{ note }}</p>{% endfor %}
{% endmacro -%}
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
  .wide { overflow-x: auto; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0 2rem; }
  th, td { padding: .2rem .7rem; text-align: right; white-space: nowrap; }
  th:nth-child(-n+{{ word_columns }}), td:nth-child(-n+{{ word_columns }}) { text-align: left; }
  thead th, tr.group td { border-top: 1px solid color-mix(in srgb, currentColor 35%, transparent); }
  caption { text-align: left; font-weight: 600; padding: .3rem 0; }
  .footnote { margin: -1.5rem 0 2rem; font-size: .875rem; }
  img { max-width: 100%; height: auto; background: white; }
  figure { margin: 1rem 0 2rem; }
</style>
<h1>{{ title }}</h1>
<h2>Verdicts</h2>
<ul>{% for line in judgement.sentences %}<li>{{ line }}</li>{% endfor %}</ul>
{% for table in judgement.tables %}{{ set(table) }}{% endfor %}
{% for note in judgement.notes %}<p>{{ note }}</p>{% endfor %}
<h2>What this can say</h2>
<ul>{% for line in words.can %}<li>{{ line }}</li>{% endfor %}</ul>
<h2>What it cannot</h2>
<ul>{% for line in words.cannot %}<li>{{ line }}</li>{% endfor %}</ul>
<h2>Tables</h2>
{% for table in tables %}{{ set(table) }}{% endfor %}
{% for note in words.notes %}<p>{{ note }}</p>{% endfor %}
{% if figures %}<h2>Figures</h2>{% endif %}
{% for name, data in figures %}
<figure>
<img alt="{{ name }}" src="data:image/png;base64,{{ data }}">
<figcaption>{{ name }}</figcaption>
</figure>
{% endfor %}
</html>
"""


def write_page(
    path: Path,
    words: Words,
    *,
    title: str,
    judgement: Judgement,
    tables: Sequence[Table],
    figures: Sequence[Path],
) -> None:
    """Writes the page, everything inside it, every text escaped; UserError names the extra without Jinja2."""
    try:
        from jinja2 import Environment
    except ModuleNotFoundError as error:
        raise UserError("the page needs Jinja2: pip install 'esrlab[report]'") from error
    template = Environment(autoescape=True, trim_blocks=True).from_string(PAGE)
    embedded = [(figure.stem, base64.b64encode(figure.read_bytes()).decode()) for figure in figures]
    html = template.render(
        title=title,
        words=words,
        judgement=judgement,
        tables=tables,
        figures=embedded,
        word_columns=WORDS,
    )
    write_text(path, html)
