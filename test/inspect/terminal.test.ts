import { describe, expect, test } from "vitest";
import { beside, block, captioned, colorDepth, flow, gallery, paint, table, visibleWidth, wrapped } from "../../src/inspect/blocks.ts";
import { bars, cells, decimal, halfBlocks, numbers, percent } from "../../src/inspect/terminal.ts";

const plain = { depth: "none" } as const;
const signedMap = { data: [-1, 0, 0.5, 1], height: 2, width: 2 };

describe("pictures without colour", () => {
  test("cells of an image are shades, two columns a pixel", () => {
    expect(cells({ data: [0, 1, 0.3, 0.6], height: 2, width: 2 }, plain).lines).toEqual(["  ██", "▒▒▓▓"]);
  });

  test("cells of a signed map show the sign", () => {
    expect(cells(signedMap, plain).lines).toEqual(["-█ ·", "+▒+█"]);
  });

  test("numbers are aligned, and nothing is minus zero", () => {
    expect(numbers({ data: [-0.04, 1.26, -12, 3], height: 2, width: 2 }, plain).lines).toEqual(["   0.0   1.3", " -12.0   3.0"]);
  });

  test("half blocks put two rows on a line, an odd last row beside nothing", () => {
    const lines = halfBlocks({ data: [1, 0, 1, 0, 1, 0], height: 3, width: 2 }, plain).lines;
    expect(lines).toEqual(["█ ", "▒ "]);
  });

  test("a map of zeros, and one with NaN", () => {
    expect(cells({ data: [0, 0], height: 1, width: 2 }, plain).lines).toEqual(["    "]);
    expect(cells({ data: [Number.NaN, 1], height: 1, width: 2 }, plain).lines).toEqual(["??██"]);
  });

  test("a common scale", () => {
    expect(cells({ data: [1], height: 1, width: 1 }, { ...plain, full: 4 }).lines).toEqual(["░░"]);
  });
});

describe("pictures in colour", () => {
  test("colours take no columns, and each ends with a reset", () => {
    const { lines, width } = cells(signedMap, { depth: "truecolor" });
    expect(width).toBe(4);
    expect(visibleWidth(lines[0]!)).toBe(4);
    expect(lines[0]).toContain("\u001b[48;2;16;64;130m  \u001b[0m");
    expect(lines[1]).toContain("\u001b[48;2;150;66;8m");
  });

  test("256 colours where there are no more", () => {
    expect(halfBlocks(signedMap, { depth: "ansi256" }).lines[0]).toMatch(/38;5;\d+;48;5;\d+m▀/);
  });
});

test("bars end with the value and clip at both ends", () => {
  const { lines } = bars(
    [
      { label: "O", share: 0.5 },
      { label: "X", share: 2 },
      { label: "?", share: Number.NaN },
    ],
    { depth: "none", width: 16 },
  );
  expect(lines.map((line) => line.trimEnd())).toEqual(["O ████     0.500", "X ████████ 2.000", "?          NaN"]);
});

test("percent is 0 or 100 only where exact", () => {
  expect([0, 1e-9, 0.5, 0.99999, 1, Number.NaN].map(percent)).toEqual(["0 %", "0.1 %", "50.0 %", "99.9 %", "100 %", "-"]);
  expect(decimal(-0.0001, 2)).toBe("0.00");
});

describe("layout", () => {
  const square = (letter: string, size: number) => block(Array.from({ length: size }, () => letter.repeat(size)));

  test("beside levels the middles", () => {
    expect(beside([square("a", 3), square("b", 1)]).lines).toEqual(["aaa   ", "aaa  b", "aaa   "]);
  });

  test("captions stand on one line above pictures of unequal height", () => {
    const row = captioned(
      [
        { picture: square("a", 3), title: "A", note: "3x3" },
        { picture: square("b", 1), title: "B" },
      ],
      "none",
      " → ",
    );
    expect(row.lines.map((line) => line.trimEnd())).toEqual([" A    B", "aaa", "aaa → b", "aaa", "3x3"]);
  });

  test("flow and gallery keep to the width", () => {
    const items = Array.from({ length: 5 }, (_, index) => ({ picture: square("x", 6), title: String(index) }));
    for (const width of [8, 20, 40, 100]) {
      expect(flow(items, width, "none").width).toBeLessThanOrEqual(width);
      expect(gallery(items, width, "none").width).toBeLessThanOrEqual(width);
    }
    expect(gallery(items, 14, "none").lines.length).toBe(3 * 7);
  });

  test("a table: first column left, others right", () => {
    expect(table(["name", "n"], [["a", "10"]], "none").lines).toEqual(["name   n", "────────", "a     10"]);
  });

  test("wrapped counts columns without colour codes", () => {
    const red = paint("red", { ink: [255, 0, 0] }, "truecolor");
    expect(wrapped(`one ${red} two`, 7)).toEqual([`one ${red}`, "two"]);
  });
});

test("what a stream may show", () => {
  const tty = { isTTY: true };
  expect(colorDepth(tty, { COLORTERM: "truecolor" })).toBe("truecolor");
  expect(colorDepth(tty, { TERM: "xterm-256color" })).toBe("ansi256");
  expect(colorDepth(tty, { NO_COLOR: "1", COLORTERM: "truecolor" })).toBe("none");
  expect(colorDepth(tty, { TERM: "dumb" })).toBe("none");
  expect(colorDepth({}, { COLORTERM: "truecolor" })).toBe("none");
  expect(colorDepth({}, { FORCE_COLOR: "1" })).toBe("ansi256");
  expect(colorDepth(tty, { FORCE_COLOR: "0" })).toBe("none");
});
