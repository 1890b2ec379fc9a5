/** The largest user or group ID: to the kernel, 2^32-1 means "unchanged". */
export const MAX_ID = 0xff_ff_ff_fe;

/**
 * Parses a user or group ID; undefined for any other text. `4294967296` must not wrap round to root (CVE-2024-40635).
 */
export function parseId(text: string): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

/** A range of `count` IDs from `start` on. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/**
 * One line of a user namespace's map: `count` IDs, from `inside` in the namespace and from `outside` in its parent.
 * user_namespaces(7).
 */
export interface IdExtent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Returns the outside ID of an inside ID; undefined where the map has none. */
export function mapId(extents: readonly IdExtent[], inside: number): number | undefined {
  const extent = extents.find((each) => inside >= each.inside && inside < each.inside + each.count);
  return extent === undefined ? undefined : extent.outside + (inside - extent.inside);
}

/** Returns the inside ID of an outside ID; undefined where the map has none. */
export function unmapId(extents: readonly IdExtent[], outside: number): number | undefined {
  const extent = extents.find((each) => outside >= each.outside && outside < each.outside + each.count);
  return extent === undefined ? undefined : extent.inside + (outside - extent.outside);
}

/**
 * Parses the ranges that /etc/subuid or /etc/subgid gives a user, by name or by number. Malformed lines are skipped, as
 * newuidmap does, which decides in the end. subuid(5).
 */
export function parseSubordinateIds(text: string, name: string | undefined, uid: number): readonly IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of text.split('\n')) {
    const [owner, startText, countText, ...rest] = line.split(':');
    if (owner === undefined || startText === undefined || countText === undefined || rest.length > 0) continue;
    if (owner !== name && owner !== String(uid)) continue;
    const start = parseId(startText);
    const count = parseId(countText);
    if (start === undefined || count === undefined || count === 0 || start + count - 1 > MAX_ID) continue;
    ranges.push({ start, count });
  }
  return ranges;
}
