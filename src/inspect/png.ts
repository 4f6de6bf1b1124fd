import { hasNegative, type Map2d, magnitude } from "./maps.ts";
import { diverging, type Rgb, sequential, type Theme } from "./palette.ts";

export interface PngOptions {
  readonly theme: Theme;
  /** The value in full ink; the largest magnitude of the map where absent. */
  readonly full?: number | undefined;
  /** Blue below zero, orange above; what the data says where absent. */
  readonly signed?: boolean | undefined;
}

/** Colours in a picture's palette: more than the eye tells apart at this size, and few bytes. Odd, so that zero has its own. */
const LEVELS = 65;

/**
 * A PNG of one pixel per value, as a data URI for `<img>` with `image-rendering: pixelated`.
 * Indexed colour in stored (uncompressed) deflate blocks: no zlib, the same bytes everywhere. W3C PNG, third edition; RFC 1950, 1951.
 */
export function pngDataUri(map: Map2d, options: PngOptions): string {
  return `data:image/png;base64,${base64(png(map, options))}`;
}

export function png(map: Map2d, options: PngOptions): Uint8Array {
  const { height, width } = map;
  const signed = options.signed ?? hasNegative(map.data);
  const full = options.full ?? magnitude(map.data);
  const palette = Array.from({ length: LEVELS + 1 }, (_, level) => paletteColor(level, signed, options.theme));
  const lines = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) lines[y * (width + 1) + 1 + x] = levelOf(Number(map.data[y * width + x]), full, signed);
  }
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, 3, 0, 0, 0], 8);
  return joined([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("PLTE", Uint8Array.from(palette.flat())),
    chunk("IDAT", stored(lines)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** The last colour of the palette is that of NaN. */
function paletteColor(level: number, signed: boolean, theme: Theme): Rgb {
  const share = level === LEVELS ? Number.NaN : level / (LEVELS - 1);
  return signed ? diverging(2 * share - 1, theme) : sequential(share, theme);
}

function levelOf(value: number, full: number, signed: boolean): number {
  if (Number.isNaN(value)) return LEVELS;
  const scaled = full > 0 ? Math.min(1, Math.max(-1, value / full)) : 0;
  return Math.round((signed ? (scaled + 1) / 2 : Math.max(0, scaled)) * (LEVELS - 1));
}

/** zlib stream of stored blocks. */
function stored(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x01)];
  const blockSize = 0xffff;
  for (let start = 0; start < bytes.length; start += blockSize) {
    const part = bytes.subarray(start, start + blockSize);
    const last = start + blockSize >= bytes.length ? 1 : 0;
    parts.push(Uint8Array.of(last, part.length & 255, part.length >> 8, ~part.length & 255, (~part.length >> 8) & 255), part);
  }
  parts.push(bigEndian(adler32(bytes)));
  return joined(parts);
}

function chunk(name: string, body: Uint8Array): Uint8Array {
  const named = joined([Uint8Array.from(name, (letter) => letter.charCodeAt(0)), body]);
  return joined([bigEndian(body.length), named, bigEndian(crc32(named))]);
}

function bigEndian(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
