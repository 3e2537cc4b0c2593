"""The style sheet of the page: system fonts, one measure, light, dark and print."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1c1e; --soft: #5f6368; --line: #dfe1e4; --wash: #f6f6f4;
  --first: #1c5fae; --second: #c2570c; --good: #1a7f4b; --bad: #b3261e; --open: #946200;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --ink: #e7e6e3; --soft: #9da1a7; --line: #33373c; --wash: #1e2125;
    --first: #78b0f2; --second: #f09a5b; --good: #67c795; --bad: #f28b82; --open: #e0b25a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3rem 1.5rem 5rem; max-width: 64rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
p, ul { max-width: 70ch; margin: 0 0 .8rem; }
ul { padding-left: 1.2rem; }
li { margin-bottom: .25rem; }
h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 650; letter-spacing: -.015em; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; line-height: 1.3; font-weight: 650; margin: 3.2rem 0 .9rem; padding-top: .9rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; font-weight: 650; margin: 1.8rem 0 .6rem; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
a { color: var(--first); text-decoration-thickness: 1px; text-underline-offset: .15em; }
nav { margin-top: 1.2rem; font-size: .875rem; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }

.headline { display: flex; flex-wrap: wrap; align-items: baseline; gap: .9rem 2.2rem; margin: 2.2rem 0 0; }
.headline .figure { font-size: 3.2rem; line-height: 1.1; font-weight: 600; letter-spacing: -.03em; }
.headline .about { flex: 1 1 22rem; max-width: 70ch; }
.headline .about p { margin: 0 0 .35rem; }
.verdict { border-left: 3px solid var(--line); padding-left: .8rem; }
.verdict.better { border-color: var(--good); }
.verdict.worse { border-color: var(--bad); }
.verdict.unclear { border-color: var(--open); }
.severity { font-weight: 600; }
.severity.error, .severity.high { color: var(--bad); }
.severity.warning, .severity.medium { color: var(--open); }

.wide { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; vertical-align: top; font-weight: inherit; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); border-bottom: 1px solid var(--soft); vertical-align: bottom; }
tbody th, tbody td { border-bottom: 1px solid var(--line); }
th.number, td.number { text-align: right; }
td.number { white-space: nowrap; }
td.text { min-width: 6rem; max-width: 24rem; }
tbody th { white-space: nowrap; max-width: 16rem; overflow: hidden; text-overflow: ellipsis; }
tr.strong th, tr.strong td { font-weight: 600; }
.columns table { font-size: .8125rem; }
.columns td:last-child { min-width: 15rem; }
tr.unused { color: var(--soft); }
.range { display: block; font-size: .75rem; color: var(--soft); font-weight: 400; }
.best { color: var(--good); }

.facts { margin: 0 0 1rem; font-size: .875rem; columns: 19rem; column-gap: 3rem; }
.facts div { display: flex; justify-content: space-between; gap: 1rem; break-inside: avoid;
  border-bottom: 1px solid var(--line); padding: .28rem 0; }
.facts dt { color: var(--soft); flex: none; max-width: 55%; }
.facts dd { margin: 0; text-align: right; overflow-wrap: anywhere; min-width: 0; }

.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 1.6rem 2.5rem;
  margin: 1rem 0; align-items: start; }
figure { margin: 0; break-inside: avoid; }
figcaption { font-size: .875rem; margin-bottom: .5rem; font-weight: 600; }
figcaption span { display: block; font-weight: 400; color: var(--soft); }
.chart { display: block; width: 100%; max-width: 27.5rem; height: auto; overflow: visible; }
.chart text { font-size: 11.5px; fill: var(--soft); }
.chart .name { fill: var(--ink); font-size: 12px; }
.chart .name.strong { font-weight: 650; }
.chart .rule { stroke: var(--line); }
.chart .base { stroke: var(--soft); }
.chart .guide { stroke: var(--soft); stroke-dasharray: 3 3; }
.chart polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.chart .series0 { stroke: var(--first); }
.chart .series1 { stroke: var(--second); }
.chart .series2 { stroke: var(--good); }
.chart .series3 { stroke: var(--open); }
.chart line.series0, .chart line.series1, .chart line.series2 { stroke-width: 2; }
.chart .lone { fill: currentColor; stroke: none; }
.chart .dot { fill: var(--first); }
.chart .faint { fill-opacity: .4; }
.chart .column { fill: var(--first); fill-opacity: .75; }
.chart .interval { stroke: var(--soft); stroke-width: 2; }
.chart .point { fill: var(--soft); }
.chart .interval.strong { stroke: var(--first); stroke-width: 2.5; }
.chart .point.strong { fill: var(--first); }
.chart .cell { fill: var(--first); }
.chart .count { fill: var(--ink); font-size: 12px; }
.chart .count.inverse { fill: var(--paper); }
.chart .count.small { font-size: 10.5px; opacity: .8; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(11.5rem, 1fr)); gap: 1.4rem 1.6rem;
  margin: 0 0 1.6rem; font-size: .8125rem; line-height: 1.4; align-items: start; }
.cards.dense { grid-template-columns: repeat(auto-fill, minmax(6.2rem, 1fr)); gap: .8rem; }
.card { break-inside: avoid; min-width: 0; }
.card figure { margin: 0 0 .5rem; }
.card figcaption { font-size: .75rem; font-weight: 400; margin-bottom: .2rem; }
.card p { margin: 0; }
.card img { display: block; height: 6rem; max-width: 100%; object-fit: contain; object-position: left;
  image-rendering: pixelated; background: var(--wash); }
.card img.spectrogram, .card img.film { height: 4.5rem; }
.card .chart { max-width: 12.5rem; background: var(--wash); }
.card blockquote { margin: 0; padding-left: .7rem; border-left: 2px solid var(--line); overflow-wrap: anywhere; }
.right::before { content: "✓ "; color: var(--good); }
.players { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem 1.6rem; }
.players audio { width: 100%; }
.texts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(28rem, 100%), 1fr)); gap: 1.5rem; }
.texts pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.players img { max-width: 100%; image-rendering: pixelated; }

pre { background: var(--wash); padding: .9rem 1.1rem; overflow-x: auto; font-size: .8125rem; line-height: 1.55;
  border-radius: 4px; margin: 0 0 1rem; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
footer { margin-top: 4rem; font-size: .8125rem; color: var(--soft); }

@media (max-width: 40rem) {
  body { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .headline .figure { font-size: 2.6rem; }
}
@page { margin: 16mm 15mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  nav { display: none; }
  h2 { margin-top: 1.6rem; }
  h2, h3 { break-after: avoid; }
  tr, pre, .headline { break-inside: avoid; }
  .wide, pre { overflow: visible; }
  pre { white-space: pre-wrap; border: 1px solid var(--line); }
  table { font-size: 8pt; }
  th, td { padding-right: .6rem; }
  td.text { min-width: 5rem; }
  .columns td:last-child { min-width: 10rem; }
  .charts { grid-template-columns: 1fr 1fr; gap: 1rem 1.5rem; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
