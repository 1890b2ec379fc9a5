/** Formats rows under a heading as docker does: columns as wide as their widest cell, with spaces between. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd();
  return all.map(line).join('\n');
}

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [365 * 86_400, 'year'],
  [30 * 86_400, 'month'],
  [7 * 86_400, 'week'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** Returns how long ago an RFC 3339 time was, in its largest whole unit: `3 weeks ago`; '' where it is no time. */
export function formatAge(time: string | undefined, now: Date): string {
  const seconds = (now.getTime() - Date.parse(time ?? '')) / 1000;
  if (Number.isNaN(seconds)) return '';
  for (const [size, name] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${name}${count === 1 ? '' : 's'} ago`;
  }
  return 'Less than a second ago';
}
