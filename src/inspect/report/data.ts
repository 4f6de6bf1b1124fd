import type { Map2d } from "../maps.ts";

/** How a number is written: 0.971 as "97.1 %", or with so many decimals. */
export type Format = "percent" | "integer" | "decimal";

export interface Curve {
  readonly name: string;
  /** null where the curve has no value. */
  readonly values: readonly (number | null)[];
  /** Which of the four colours; the place in the series where absent. */
  readonly color?: 0 | 1 | 2 | 3;
  readonly dashed?: boolean;
}

/** Curves over a common x axis. */
export interface LinesFigure {
  readonly kind: "lines";
  readonly caption: string;
  readonly x: { readonly label: string; readonly values: readonly number[] };
  readonly y: { readonly label: string; readonly format: Format; readonly from?: number; readonly to?: number };
  readonly series: readonly Curve[];
}

/** Figures take the whole width, or half of it where there is room: charts always, tables and pictures if told so. */
export type Figure = LinesFigure | BarsFigure | MatrixFigure | PicturesFigure | TableFigure | DrawnFigure;

/** One group of bars per label, one bar per series. */
export interface BarsFigure {
  readonly kind: "bars";
  readonly caption: string;
  readonly labels: readonly string[];
  readonly format: Format;
  readonly to?: number;
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** counts[truth][answer] */
export interface MatrixFigure {
  readonly kind: "matrix";
  readonly caption: string;
  readonly labels: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

export interface Picture {
  readonly map: Map2d;
  /** What the picture shows, for those who cannot see it. */
  readonly alt: string;
  readonly title?: string;
  readonly full?: number;
  readonly signed?: boolean;
}

export interface PictureRow {
  readonly label?: string;
  /** A path fills the width, with arrows from each picture to the next. */
  readonly size: "small" | "medium" | "large" | "path";
  readonly pictures: readonly Picture[];
}

export interface PicturesFigure {
  readonly kind: "pictures";
  readonly caption: string;
  readonly half?: boolean;
  readonly rows: readonly PictureRow[];
}

/** First column are row headings; the others are right-aligned. */
export interface TableFigure {
  readonly kind: "table";
  readonly caption: string;
  readonly half?: boolean;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A chart of another kind, drawn by whoever knows it: classes of style.ts, numbers for the table below. */
export interface DrawnFigure {
  readonly kind: "drawn";
  readonly caption: string;
  readonly half?: boolean;
  readonly svg: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface ReportSection {
  readonly id: string;
  readonly title: string;
  /** Paragraphs; `*word*` is emphasis. */
  readonly text: readonly string[];
  readonly figures: readonly Figure[];
}

export interface ReportData {
  readonly title: string;
  readonly lead: string;
  /** A few large numbers at the top. */
  readonly facts: readonly { readonly value: string; readonly label: string }[];
  readonly sections: readonly ReportSection[];
  readonly footer: string;
}
