const UNITS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/**
 * Parses a size as docker's and podman's options spell it: `512m`, `1.5g`, `64MiB`, `4096`. Units are powers of 1024;
 * the result is bytes, rounded down. Undefined for any other text, and beyond 2^53.
 */
export function parseByteSize(text: string): number | undefined {
  const [, digits, unit = 'b'] = /^([0-9]{1,15}(?:\.[0-9]{1,6})?)([bkmgt])?(?:i?b)?$/i.exec(text) ?? [];
  const bytes = digits === undefined ? Number.NaN : Math.floor(Number(digits) * (UNITS[unit.toLowerCase()] ?? 1));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
