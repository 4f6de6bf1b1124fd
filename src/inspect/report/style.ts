/** One column for reading, figures in two where there is room. Colours are roles; both themes fill them. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --ink: #1e1d1b; --soft: #65625c; --line: #dcd8cf; --card: #ffffff;
  --s0: #1c5d99; --s1: #c05a0e; --s2: #5b8f9e; --s3: #9a7b4f; --accent: #1c5d99; --wrong: #c05a0e;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --ink: #e9e6df; --soft: #a19d94; --line: #34373d; --card: #1b1d21;
    --s0: #7db8f0; --s1: #f0a04f; --s2: #7fc0bd; --s3: #cdb488; --accent: #7db8f0; --wrong: #f0a04f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; padding: 0 1.25rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 var(--serif); text-rendering: optimizeLegibility; }
header { padding: 4rem 0 1rem; }
h1, h2 { font-weight: 600; line-height: 1.15; letter-spacing: -0.01em; text-wrap: balance; }
h1 { font-size: clamp(2rem, 6vw, 3.1rem); margin: 0 0 1rem; max-width: 20ch; }
h2 { font-size: 1.7rem; margin: 0 0 0.9rem; }
p { margin: 0 0 1rem; max-width: 66ch; }
.lead { font-size: 1.25rem; line-height: 1.5; color: var(--soft); }
a { color: var(--accent); text-underline-offset: 0.18em; text-decoration-thickness: 1px; }
code { font: 0.86em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
section { padding: 2.6rem 0 1.4rem; border-top: 1px solid var(--line); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1.4rem 1.6rem; margin: 2.2rem 0 1.8rem; }
.facts div { display: flex; flex-direction: column-reverse; justify-content: flex-end; border-top: 2px solid var(--ink); padding-top: 0.6rem; }
.facts dd { margin: 0; font-size: 1.9rem; line-height: 1.15; font-variant-numeric: lining-nums tabular-nums; }
.facts dt { font: 0.86rem/1.4 var(--sans); color: var(--soft); }
nav ol { list-style: none; display: flex; flex-wrap: wrap; gap: 0.35rem 1.3rem; margin: 0; padding: 0; font: 0.9rem/1.5 var(--sans); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 2rem 2.6rem; align-items: start; margin-top: 1.4rem; }
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figcaption { font: 0.9rem/1.5 var(--sans); color: var(--soft); margin-top: 0.6rem; max-width: 62ch; }
figure.table > .scroll { margin-bottom: 0.2rem; }
details { font: 0.86rem/1.5 var(--sans); color: var(--soft); margin-top: 0.35rem; }
summary { cursor: pointer; width: fit-content; padding: 0.3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font: 0.87rem/1.45 var(--sans); color: var(--ink); font-variant-numeric: lining-nums tabular-nums; }
figure.table table { min-width: min(100%, 27rem); }
th, td { padding: 0.32rem 0.75rem 0.32rem 0; text-align: right; white-space: nowrap; font-weight: 400; }
th:first-child { text-align: left; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); border-bottom: 1px solid var(--ink); vertical-align: bottom; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
.matrix { border-spacing: 2px; border-collapse: separate; width: 100%; max-width: 30rem; table-layout: fixed; font-size: 0.82rem; }
.matrix th, .matrix td { padding: 0; text-align: center; border: 0; height: 2.1rem; }
.matrix thead th { border: 0; }
.matrix .corner { width: 3.2rem; font-size: 0.68rem; line-height: 1.15; white-space: normal; text-align: left; }
.matrix td { border-radius: 3px; color: var(--soft); }
.matrix td[style] { color: var(--ink); }
.matrix td.right[style] { background: color-mix(in srgb, var(--accent) var(--share), var(--card)); }
.matrix td.wrong[style] { background: color-mix(in srgb, var(--wrong) var(--share), var(--card)); }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 11.5px var(--sans); fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .axis { fill: var(--ink); }
svg .value { font-size: 10px; fill: var(--ink); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .series path { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.s0 { --s: var(--s0); } .s1 { --s: var(--s1); } .s2 { --s: var(--s2); } .s3 { --s: var(--s3); }
svg .series path { stroke: var(--s); } svg .series circle, svg .series rect, svg .bar rect { fill: var(--s); }
svg .series.dashed path { stroke-dasharray: 5 4; } svg .series.dashed circle, svg .series.dashed rect { fill: var(--paper); stroke: var(--s); stroke-width: 1.5; }
svg .limit { stroke: var(--ink); stroke-width: 1.4; fill: none; } svg .leader { stroke: var(--soft); stroke-width: 0.7; fill: none; }
svg .hollow rect, svg .hollow circle { fill: var(--paper); stroke: var(--s); stroke-width: 1.5; } svg .bad { fill: none; stroke: var(--wrong); stroke-width: 1.6; }
svg .name { fill: var(--ink); font-weight: 600; } svg .small { font-size: 9.5px; }
figure.drawn svg { max-width: 31rem; } figure.drawn.wide svg { max-width: none; min-width: 40rem; }
.row-label { font: 0.9rem/1.4 var(--sans); margin: 1.1rem 0 0.45rem; max-width: none; }
.pixels { list-style: none; display: flex; flex-wrap: wrap; gap: 0.55rem; margin: 0; padding: 0; }
.pixels li { display: flex; flex-direction: column; gap: 0.25rem; }
.pixels img { display: block; height: auto; image-rendering: pixelated; border: 1px solid var(--line); border-radius: 3px; }
.pixels.small img { width: 3.2rem; } .pixels.medium img { width: 5rem; } .pixels.large img { width: 8.4rem; }
.pixels.path { flex-wrap: nowrap; gap: 0; }
.pixels.path li { flex: 1 1 0; min-width: 0; max-width: 5.4rem; }
.pixels.path img { width: 100%; }
.pixels.path li + li { position: relative; margin-left: 1.25rem; }
.pixels.path li + li::before { content: "→"; position: absolute; left: -1.25rem; width: 1.25rem; top: 0; aspect-ratio: auto; text-align: center; color: var(--soft); font: 0.9rem/1 var(--sans); padding-top: min(2.1rem, 6.2vw); }
.pixels span { font: 0.8rem/1.35 var(--sans); color: var(--soft); font-variant-numeric: tabular-nums; }
.pixels.small li { max-width: 3.2rem; } .pixels.medium li { max-width: 5rem; } .pixels.large li { max-width: 8.4rem; }
footer { border-top: 1px solid var(--line); padding: 1.6rem 0 3rem; color: var(--soft); font: 0.86rem/1.5 var(--sans); }
@media (max-width: 40rem) { header { padding-top: 2.2rem; } .facts { grid-template-columns: 1fr 1fr; } .facts dd { font-size: 1.45rem; } table { font-size: 0.78rem; } th, td { padding-right: 0.5rem; } .matrix th, .matrix td { height: 1.75rem; font-size: 0.72rem; } .matrix .corner { width: 2.4rem; } }
@media print { body { max-width: none; } section { break-inside: avoid; } details { display: none; } }
`;
