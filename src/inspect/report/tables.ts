import type { MatrixFigure } from "./data.ts";
import { escapeHtml, inline } from "./html.ts";

export function dataTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = columns.map((column) => `<th scope="col">${inline(column)}</th>`).join("");
  const lines = rows.map(
    (row) => `<tr>${row.map((cell, index) => (index ? `<td>${inline(cell)}</td>` : `<th scope="row">${inline(cell)}</th>`)).join("")}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}

/** Rows are the truth, columns the answers; the shade is the share of the row, so that rare classes count as much as common ones. */
export function countMatrix({ labels, counts }: MatrixFigure): string {
  const head = labels.map((label) => `<th scope="col">${escapeHtml(label)}</th>`).join("");
  const lines = counts.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, answer) => cell(count, total, truth === answer));
    return `<tr><th scope="row">${escapeHtml(labels[truth]!)}</th>${cells.join("")}</tr>`;
  });
  const corner = '<th class="corner"><span>truth ↓ answer →</span></th>';
  return `<div class="scroll"><table class="matrix"><thead><tr>${corner}${head}</tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}

function cell(count: number, total: number, right: boolean): string {
  const share = total ? count / total : 0;
  // A wrong answer of 2 % is what one looks for: its ink grows with the root of the share.
  const strength = Math.round(100 * (right ? 0.08 + 0.34 * share : Math.min(0.7, Math.sqrt(share) * 2)));
  const style = count ? ` style="--share:${strength}%"` : "";
  return `<td class="${right ? "right" : "wrong"}"${style}>${count || "·"}</td>`;
}
