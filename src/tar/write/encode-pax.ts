/**
 * The content of a PAX header: records of `LENGTH KEY=VALUE\n`, where the length counts its own digits. Strings are bytes
 * (latin1). POSIX.1-2017 pax, "pax Extended Header".
 */
export function encodePax(records: readonly (readonly [string, string])[]): Buffer {
  return Buffer.from(records.map(([key, value]) => encodeRecord(` ${key}=${value}\n`)).join(''), 'latin1');
}

function encodeRecord(rest: string): string {
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}
