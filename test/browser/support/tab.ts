/** A page in a real browser that writes down everything it complains of. */
import type { BrowserContext, Page } from "playwright-core";
import type { Kit } from "./inPage.ts";

declare global {
  /** In /kit.html. */
  var kit: Kit;
}

export class Tab {
  private readonly complaints: string[] = [];

  /** `origin`: requests to any other are complaints. */
  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    origin: string,
  ) {
    page.on("console", (message) => {
      if (["error", "warning", "warn"].includes(message.type())) this.complaints.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.message}`));
    page.on("requestfailed", (request) => this.complaints.push(`failed: ${request.url().replace(origin, "")} ${request.failure()?.errorText ?? ""}`));
    page.on("response", (response) => {
      if (response.status() >= 400) this.complaints.push(`status ${response.status()}: ${response.url().replace(origin, "")}`);
    });
    page.on("request", (request) => {
      if (![`${origin}/`, "data:", "blob:"].some((start) => request.url().startsWith(start))) this.complaints.push(`foreign: ${request.url()}`);
    });
    page.on("crash", () => this.complaints.push("the tab crashed"));
  }

  /** Takes what matches from the complaints; what nobody took fails the test. */
  taken(pattern: RegExp): string[] {
    const found = this.complaints.filter((line) => pattern.test(line));
    for (const line of found) this.complaints.splice(this.complaints.indexOf(line), 1);
    return found;
  }

  get left(): readonly string[] {
    return this.complaints;
  }
}
