/** The colour roles of the pages: text can be read on every ground, in both themes. */
import { describe, expect, test } from "vitest";
import { textOf } from "../support/sources.ts";

const sheet = textOf("examples/style.css");

/** Of a rule: `--name: #rrggbb`. */
function colours(selector: string): Record<string, string> {
  const rule = sheet.slice(sheet.indexOf(`\n${selector} {`)).split("\n}")[0];
  return Object.fromEntries([...rule.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]));
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

test("contrast is that of WCAG", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});

describe.each([
  ["light", ":root"],
  ["dark", ':root[data-theme="dark"]'],
])("%s", (_, selector) => {
  const roles = colours(selector);
  const grounds = ["paper", "card", "fill"];

  test.each(["ink", "soft", "accent", "warm", "good", "bad"])("--%s is text: 4.5 on every ground", (name) => {
    for (const ground of grounds) expect(contrast(roles[name], roles[ground]), ground).toBeGreaterThanOrEqual(4.5);
  });

  test("--on-accent is text on --accent", () => {
    expect(contrast(roles["on-accent"], roles.accent)).toBeGreaterThanOrEqual(4.5);
  });

  test.each(["edge", "s0", "s1", "s2", "s3"])("--%s is a shape: 3 on paper and card", (name) => {
    for (const ground of ["paper", "card"]) expect(contrast(roles[name], roles[ground]), ground).toBeGreaterThanOrEqual(3);
  });
});
