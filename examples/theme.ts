/**
 * Light or dark: what the system says until the visitor chooses. Loaded in the head of a page, before its first paint. The page's
 * <button data-theme-toggle> gets its name here; `document` hears "themechange" after every change.
 */
const KEY = "convlet-theme";
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // A page without storage: the choice lasts as long as the page.
    return root.dataset.theme ?? null;
  }
}

function isDark(): boolean {
  const theme = chosen();
  return theme === null ? system.matches : theme === "dark";
}

function show(): void {
  root.dataset.theme = isDark() ? "dark" : "light";
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.setAttribute("aria-pressed", String(isDark()));
    button.setAttribute("aria-label", "Dark colours");
    button.setAttribute("title", isDark() ? "Light colours" : "Dark colours");
  }
  document.dispatchEvent(new Event("themechange"));
}

function toggle(): void {
  const theme = isDark() ? "light" : "dark";
  root.dataset.theme = theme;
  try {
    // Back at what the system says, the page follows it again.
    if ((theme === "dark") === system.matches) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // See `chosen`.
  }
  show();
}

show();
system.addEventListener("change", show);
document.addEventListener("DOMContentLoaded", show);
document.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest("[data-theme-toggle]")) toggle();
});
