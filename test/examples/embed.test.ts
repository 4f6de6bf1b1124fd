/** The page that shows how little it takes. */
import { expect, test } from "vitest";
import { textOf } from "../support/sources.ts";

const page = textOf("examples/embed/index.html");

test("the digit recogniser is at most 1,500 characters of formatted HTML", () => {
  expect([...page].length).toBeLessThanOrEqual(1500);
  const longest = Math.max(...page.split("\n").map((line) => line.length));
  expect(longest).toBeLessThanOrEqual(120);
});

test("it needs nothing but the library and the model", () => {
  const asked = [...page.matchAll(/(?:src|href)="([^"]*)"|from "([^"]*)"|load\("([^"]*)"/g)].map(([, ...found]) => found.find(Boolean));
  expect(asked).toEqual(["data:,", "../convlet/run.js", "../models/digits.run.safetensors"]);
});

test("it has a language, a title, a size for phones, and names for its controls", () => {
  for (const part of ['lang="en"', "<title>", 'name="viewport"', "<h1>", 'aria-label="Draw', 'tabindex="0"']) expect(page).toContain(part);
});
