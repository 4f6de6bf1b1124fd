/** Address of the script that this is a part of; known only while it runs for the first time. Empty for a script without one. */
export const ownScript: string = (typeof document === "object" && (document.currentScript as HTMLScriptElement | null)?.src) || "";
