import { pngDataUri } from "../png.ts";
import type { Picture, PicturesFigure } from "./data.ts";
import { escapeHtml, inline } from "./html.ts";

/** Rows of pixel pictures, each in a light and a dark version. */
export function pictureRows(figure: PicturesFigure): string {
  return figure.rows
    .map(({ label, size, pictures }) => {
      const heading = label ? `<p class="row-label">${inline(label)}</p>` : "";
      return `${heading}<ul class="pixels ${size}">${pictures.map(picture).join("")}</ul>`;
    })
    .join("");
}

function picture({ map, alt, title, full, signed }: Picture): string {
  const uri = (theme: "light" | "dark") => pngDataUri(map, { theme, full, signed });
  const image = `<img src="${uri("light")}" alt="${escapeHtml(alt)}" width="${map.width}" height="${map.height}">`;
  const themed = `<picture><source srcset="${uri("dark")}" media="(prefers-color-scheme: dark)">${image}</picture>`;
  return `<li>${themed}${title === undefined ? "" : `<span>${inline(title)}</span>`}</li>`;
}
