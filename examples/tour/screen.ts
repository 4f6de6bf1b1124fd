import { type Block, bold, type ColorDepth, colorDepth, dim, wrapped } from "../../src/inspect/blocks.ts";

/** Where the tour speaks: paragraphs, pictures, and a status line that is only there on a terminal. */
export class Screen {
  readonly depth: ColorDepth;
  readonly width: number;
  private readonly stream: NodeJS.WriteStream;
  private hasStatus = false;
  private endsBlank = true;
  private labelText = "";

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
    this.depth = colorDepth(stream, process.env);
    this.width = Math.min(100, Math.max(60, stream.columns ?? 100));
  }

  heading(text: string): void {
    this.line();
    this.line(bold(text, this.depth));
    this.line(dim("═".repeat(this.width), this.depth));
  }

  subheading(text: string): void {
    this.line();
    this.line(bold(text, this.depth));
    this.line();
  }

  /** A paragraph, broken into lines of at most 78 columns. */
  say(text: string): void {
    for (const line of wrapped(text, Math.min(78, this.width))) this.line(line);
  }

  show(block: Block): void {
    this.line();
    for (const line of block.lines) this.line(`  ${line}`.trimEnd());
    this.line();
  }

  /** Never two empty lines in a row. */
  line(text = ""): void {
    this.status("");
    if (text === "" && this.endsBlank) return;
    this.endsBlank = text === "";
    this.stream.write(`${text}\n`);
  }

  /** For progress bars that stay: one line per epoch. */
  get bar(): { isTTY: boolean; columns: number; write(text: string): void } {
    this.status("");
    this.endsBlank = false;
    const write = (text: string) => void this.stream.write(text.startsWith("\r") ? `\r  ${text.slice(1)}` : `  ${text}`);
    return { isTTY: this.stream.isTTY === true, columns: (this.stream.columns ?? 100) - 2, write };
  }

  /** For progress bars that pass: on a terminal one line, behind the label, that the next text replaces. */
  get passing(): { isTTY: boolean; columns: number; write(text: string): void } {
    const before = `  ${this.labelText}  `;
    const columns = this.stream.columns ?? 100;
    const write = (text: string) => this.status(`${before}${text.replace(/^\r/, "").trimEnd()}`.slice(0, columns - 1));
    return { isTTY: this.stream.isTTY === true, columns: columns - before.length, write };
  }

  label(text: string): void {
    this.labelText = text;
  }

  /** Text that the next line or status replaces. */
  status(text: string): void {
    if (!this.stream.isTTY || (!text && !this.hasStatus)) return;
    this.stream.write(`\r\u001b[2K${text}`);
    this.hasStatus = text !== "";
  }
}
