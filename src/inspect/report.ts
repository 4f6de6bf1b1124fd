import { barChart, lineChart } from "./report/charts.ts";
import type { Figure, ReportData, ReportSection } from "./report/data.ts";
import { escapeHtml, formatted, inline } from "./report/html.ts";
import { pictureRows } from "./report/pictures.ts";
import { STYLE } from "./report/style.ts";
import { countMatrix, dataTable } from "./report/tables.ts";

export type {
  BarsFigure,
  DrawnFigure,
  Figure,
  Format,
  LinesFigure,
  MatrixFigure,
  Picture,
  PicturesFigure,
  ReportData,
  ReportSection,
  TableFigure,
} from "./report/data.ts";

/** One self-contained HTML page: no script, no network, light and dark, every chart with its table. */
export function renderReport(data: ReportData): string {
  const facts = data.facts.map(({ value, label }) => `<div><dt>${inline(label)}</dt><dd>${inline(value)}</dd></div>`).join("");
  const contents = data.sections.map(({ id, title }) => `<li><a href="#${escapeHtml(id)}">${inline(title)}</a></li>`).join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(data.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${inline(data.title)}</h1>
<p class="lead">${inline(data.lead)}</p>
${facts ? `<dl class="facts">${facts}</dl>` : ""}
<nav aria-label="Contents"><ol>${contents}</ol></nav>
</header>
<main>
${data.sections.map(section).join("\n")}
</main>
<footer><p>${inline(data.footer)}</p></footer>
</body>
</html>
`;
}

function section({ id, title, text, figures }: ReportSection): string {
  const paragraphs = text.map((paragraph) => `<p>${inline(paragraph)}</p>`).join("\n");
  return `<section aria-labelledby="${escapeHtml(id)}">
<h2 id="${escapeHtml(id)}">${inline(title)}</h2>
${paragraphs}
<div class="figures">
${figures.map((figure) => `<figure class="${classOf(figure)}">${body(figure)}<figcaption>${inline(figure.caption)}</figcaption>${behind(figure)}</figure>`).join("\n")}
</div>
</section>`;
}

function classOf(figure: Figure): string {
  const isWide = (figure.kind === "pictures" || figure.kind === "table" || figure.kind === "drawn") && !figure.half;
  return isWide ? `${figure.kind} wide` : figure.kind;
}

function body(figure: Figure): string {
  switch (figure.kind) {
    case "lines":
      return lineChart(figure);
    case "bars":
      return barChart(figure);
    case "matrix":
      return countMatrix(figure);
    case "pictures":
      return pictureRows(figure);
    case "table":
      return dataTable(figure.columns, figure.rows);
    case "drawn":
      return `<div class="scroll">${figure.svg}</div>`;
  }
}

/** The numbers of a chart as a table, folded away. */
function behind(figure: Figure): string {
  if (figure.kind === "drawn") return folded(dataTable(figure.columns, figure.rows));
  if (figure.kind !== "lines" && figure.kind !== "bars") return "";
  const heads = figure.kind === "lines" ? figure.x.values.map(String) : figure.labels;
  const format = figure.kind === "lines" ? figure.y.format : figure.format;
  const columns = [figure.kind === "lines" ? figure.x.label : "", ...figure.series.map(({ name }) => name)];
  const rows = heads.map((head, index) => [head, ...figure.series.map(({ values }) => formatted(values[index] ?? null, format))]);
  return folded(dataTable(columns, rows));
}

function folded(table: string): string {
  return `<details><summary>The numbers</summary>${table}</details>`;
}
