/** Red, green, blue, each 0..255. */
export type Rgb = readonly [number, number, number];

export type Theme = "light" | "dark";

/**
 * Zero is the page; blue and orange stay apart for every common form of colour blindness, which red and green do not.
 * Luminance falls (light) or rises (dark) evenly on both sides, so that the size of a number survives a grey print.
 */
const DIVERGING: Record<Theme, readonly Rgb[]> = {
  light: [
    [16, 64, 130],
    [66, 133, 196],
    [158, 199, 230],
    [250, 249, 246],
    [247, 196, 140],
    [226, 128, 44],
    [150, 66, 8],
  ],
  dark: [
    [150, 205, 255],
    [78, 150, 222],
    [38, 82, 130],
    [27, 29, 33],
    [122, 70, 22],
    [222, 128, 46],
    [255, 200, 140],
  ],
};

/** Ink on paper, light on night. */
const SEQUENTIAL: Record<Theme, readonly Rgb[]> = {
  light: [
    [250, 249, 246],
    [176, 178, 186],
    [92, 96, 108],
    [22, 24, 30],
  ],
  dark: [
    [27, 29, 33],
    [86, 90, 100],
    [164, 168, 176],
    [245, 244, 240],
  ],
};

/** Colour of a signed value, -1 (blue) to 1 (orange); beyond that, clipped. NaN is magenta: it must be seen. */
export function diverging(value: number, theme: Theme = "light"): Rgb {
  return blend(DIVERGING[theme], (value + 1) / 2);
}

/** Colour of a value from 0 (page) to 1 (ink). */
export function sequential(value: number, theme: Theme = "light"): Rgb {
  return blend(SEQUENTIAL[theme], value);
}

/** Black or white, whichever can be read better on `background`: a contrast of at least 4.58 (WCAG asks for 4.5). */
export function textOn(background: Rgb): Rgb {
  const [red, green, blue] = background.map((channel) => (channel <= 10 ? channel / 3294.6 : ((channel / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  // (luminance + 0.05) / 0.05 for black, 1.05 / (luminance + 0.05) for white.
  return (luminance + 0.05) ** 2 > 0.0525 ? [0, 0, 0] : [255, 255, 255];
}

/** Nearest of the 216 colours and 24 greys of a 256-colour terminal. */
export function ansi256(color: Rgb): number {
  const [red, green, blue] = color;
  if (Math.max(red, green, blue) - Math.min(red, green, blue) < 12) {
    const grey = Math.round(((red + green + blue) / 3 - 8) / 10);
    return grey < 0 ? 16 : grey > 23 ? 231 : 232 + grey;
  }
  const step = (channel: number) => (channel < 48 ? 0 : channel < 115 ? 1 : Math.min(5, Math.floor((channel - 35) / 40)));
  return 16 + 36 * step(red) + 6 * step(green) + step(blue);
}

function blend(stops: readonly Rgb[], position: number): Rgb {
  if (Number.isNaN(position)) return [255, 0, 255];
  const place = Math.min(1, Math.max(0, position)) * (stops.length - 1);
  const first = Math.min(stops.length - 2, Math.floor(place));
  const [low, high] = [stops[first]!, stops[first + 1]!];
  const mix = (axis: 0 | 1 | 2) => Math.round(low[axis] + (high[axis] - low[axis]) * (place - first));
  return [mix(0), mix(1), mix(2)];
}
