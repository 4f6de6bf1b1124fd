/** What every example page promises, read from its source. Browsers click them through in test/browser. */
import { describe, expect, test } from "vitest";
import { filesIn, textOf } from "../support/sources.ts";

const pages = filesIn("examples", "index.html");

test("are found: the start page and one in each folder", () => {
  expect(pages).toEqual(expect.arrayContaining(["", "bench/", "element/", "embed/", "playground/"].map((folder) => `examples/${folder}index.html`)));
});

describe.each(pages)("%s", (path) => {
  const page = textOf(path);

  test("has a language, a title of its own, a size for phones and an icon that is no request", () => {
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    const titles = pages.map((each) => /<title>(.+)<\/title>/.exec(textOf(each))?.[1]);
    expect(titles.filter((title) => title === /<title>(.+)<\/title>/.exec(page)?.[1])).toHaveLength(1);
    expect(page).toContain('<meta name="viewport" content="width=device-width');
    expect(page).toContain('<link rel="icon" href="data:');
  });

  test("has one heading of the first level, and no control without a type or picture without a text", () => {
    expect(page.match(/<h1[\s>]/g)).toHaveLength(1);
    expect(page.match(/<button(?![^>]*type=)/g)).toBeNull();
    expect(page.match(/<img(?![^>]*alt=)/g)).toBeNull();
  });

  test("asks no other host for anything", () => {
    const hosts = page.match(/(?:https?:)?\/\/[\w.-]+\.\w+[^\s"'<]*/g) ?? [];
    expect(hosts.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  });

  test("links to files that are there, from where it stands", () => {
    const folder = path.slice(0, -"index.html".length);
    const linked = [...page.matchAll(/(?:href|src)="([^"#:]+)"/g)].map(([, target]) => target);
    const made = linked.map((target) => new URL(target, `file:///${folder}`).pathname.slice(1));
    const sources = filesIn("examples");
    const exists = (target: string) =>
      [target, `${target}index.html`, target.replace(/\.js$/, ".ts")].some((name) => sources.includes(name)) || target.startsWith("examples/models/");
    expect(made.filter((target) => !exists(target))).toEqual([]);
  });
});

test("style sheets ask no other host, and move nothing for who does not want that", () => {
  for (const path of filesIn("examples", ".css")) {
    const sheet = textOf(path);
    expect(sheet, path).not.toMatch(/@import|url\((?!["']?(?:data:|#))/);
    const moving = sheet.search(/^\s*(?:animation|transition)(?:-[\w]+)?:/m);
    const allowed = sheet.indexOf("prefers-reduced-motion");
    if (moving >= 0) expect(allowed, `${path} moves something`).toBeGreaterThanOrEqual(0);
  }
});
