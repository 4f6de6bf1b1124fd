import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { channelOf, filterOf } from "../../src/inspect/maps.ts";
import { png, pngDataUri } from "../../src/inspect/png.ts";
import { type ReportData, renderReport } from "../../src/inspect/report.ts";

const map = { data: [-2, 0, 1, Number.NaN, 2, 0.5], height: 2, width: 3 };

describe("png", () => {
  const bytes = png(map, { theme: "light" });
  const view = new DataView(bytes.buffer);
  const chunks: { name: string; body: Uint8Array }[] = [];
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    chunks.push({ name, body: bytes.slice(at + 8, at + 8 + view.getUint32(at)) });
  }

  test("has its chunks, and pixels that zlib can read", () => {
    expect(chunks.map(({ name }) => name)).toEqual(["IHDR", "PLTE", "IDAT", "IEND"]);
    expect(Array.from(chunks[0]!.body)).toEqual([0, 0, 0, 3, 0, 0, 0, 2, 8, 3, 0, 0, 0]);
    expect(Array.from(inflateSync(chunks[2]!.body))).toEqual([0, 0, 32, 48, 0, 65, 64, 40]);
  });

  test("zero is the page, NaN is seen", () => {
    const color = (index: number) => Array.from(chunks[1]!.body.subarray(3 * index, 3 * index + 3));
    expect(color(32)).toEqual([250, 249, 246]);
    expect(color(65)).toEqual([255, 0, 255]);
  });

  test("more bytes than one stored block holds", () => {
    const large = { data: new Float32Array(300 * 300).fill(1), height: 300, width: 300 };
    const whole = png(large, { theme: "dark" });
    expect(whole.length).toBeGreaterThan(300 * 300);
    expect(pngDataUri(map, { theme: "dark" })).toMatch(/^data:image\/png;base64,iVBORw0KGgo/);
  });
});

test("channelOf and filterOf pick from NHWC values and HWIO weights", () => {
  const values = { data: Float32Array.from({ length: 24 }, (_, index) => index), shape: [2, 2, 3, 2] };
  expect(Array.from(channelOf(values, 1, 1).data)).toEqual([13, 15, 17, 19, 21, 23]);
  const kernel = { data: Float32Array.from({ length: 12 }, (_, index) => index), shape: [1, 2, 3, 2] };
  expect(filterOf(kernel, 2, 1)).toEqual({ data: Float32Array.of(5, 11), height: 1, width: 2 });
  expect(() => channelOf(values, 2, 0)).toThrow("channelOf: image 2, channel 0 is outside [2, 2, 3, 2]");
  expect(() => filterOf({ data: [], shape: [3, 3] }, 0, 0)).toThrow("filterOf: expected 4 axes, got shape [3, 3]");
});

const data: ReportData = {
  title: "A <b>title</b> & more",
  lead: "*Soft* words.",
  facts: [{ value: "97 %", label: "right" }],
  sections: [
    {
      id: "one",
      title: "One",
      text: ["Text."],
      figures: [
        {
          kind: "lines",
          caption: "Loss",
          x: { label: "epoch", values: [1, 2, 3] },
          y: { label: "loss", format: "decimal" },
          series: [
            { name: "trained", values: [1, 0.5, 0.25] },
            { name: "held out", values: [1.1, null, Number.NaN], color: 0, dashed: true },
          ],
        },
        { kind: "bars", caption: "Share", labels: ["a", "b"], format: "percent", to: 1, series: [{ name: "s", values: [0.123, 1] }] },
        {
          kind: "matrix",
          caption: "Confusion",
          labels: ["0", "1"],
          counts: [
            [9, 1],
            [0, 7],
          ],
        },
        { kind: "pictures", caption: "Maps", rows: [{ label: "row", size: "small", pictures: [{ map, alt: 'a "map"', title: "m" }] }] },
        { kind: "table", caption: "Table", columns: ["x", "y"], rows: [["a", "1"]] },
      ],
    },
  ],
  footer: "End.",
};

describe("renderReport", () => {
  const html = renderReport(data);

  test("text is escaped, emphasis is not", () => {
    expect(html).toContain("<h1>A &lt;b&gt;title&lt;/b&gt; &amp; more</h1>");
    expect(html).toContain("<em>Soft</em> words.");
    expect(html).toContain('alt="a &quot;map&quot;"');
  });

  test("is one file without scripts that asks no network", () => {
    expect(html).not.toMatch(/<script|<link|@import|url\(|https?:/);
  });

  test("every figure has a caption, every picture a text, every chart its numbers", () => {
    expect(html.match(/<figure/g)).toHaveLength(5);
    expect(html.match(/<figcaption>/g)).toHaveLength(5);
    expect(html.match(/<details>/g)).toHaveLength(2);
    expect(html.match(/<img /g)).toHaveLength(html.match(/ alt="[^"]+"/g)!.length);
    expect(html.match(/role="img" aria-label="Chart: [^"]+"/g)).toHaveLength(2);
    expect(html).toContain("<td>12.3\u00a0%</td>");
  });

  test("no coordinate is NaN; missing values are dashes", () => {
    expect(html).not.toContain("NaN");
    expect(html).toContain("<td>–</td>");
  });

  test("tags are balanced", () => {
    for (const tag of ["section", "figure", "table", "svg", "g", "li", "ul", "div", "details", "picture"]) {
      const opened = html.match(new RegExp(`<${tag}[ >]`, "g"))?.length ?? 0;
      expect([tag, html.match(new RegExp(`</${tag}>`, "g"))?.length ?? 0]).toEqual([tag, opened]);
    }
  });

  test("the same data gives the same page", () => {
    expect(renderReport(data)).toBe(html);
  });
});
