/** Returns a count with its noun: `1 image`, `2 images`. @param many the plural; default: the noun with an s */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
