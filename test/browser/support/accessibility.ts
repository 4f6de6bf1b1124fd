/** What a person with a keyboard, a screen reader or weak eyes would trip over. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; failureSummary?: string }[];
  }[];
}

/** Breaches of WCAG 2.2 AA that axe-core finds: names, roles, contrast, order. One line each. */
export async function breaches(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate(
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
  )) as AxeResults;
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = "" }) => `${id}: ${help}: ${html.slice(0, 120)} ${failureSummary.split("\n")[1] ?? ""}`),
  );
}

/** What Tab reaches, in order, from the top of the page until it comes round: `tag#id` or the name. */
export async function tabOrder(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    window.scrollTo(0, 0);
  });
  const order: string[] = [];
  for (let press = 0; press < 200; press++) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return "";
      const label = element.getAttribute("aria-label") ?? element.textContent?.trim().slice(0, 30) ?? "";
      return `${element.tagName.toLowerCase()}${element.id && `#${element.id}`} ${label}`.trim();
    });
    if (name === "" || (order.length > 1 && name === order[0])) break;
    order.push(name);
  }
  return order;
}

/** How far the page is wider than the window. 0: nobody has to scroll sideways. */
export const overflow = (page: Page) => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth));
