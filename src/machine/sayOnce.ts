const said = new Set<string>();

/** A line on the console that a program should see, but not a hundred times. */
export function sayOnce(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  console.warn(line);
}
