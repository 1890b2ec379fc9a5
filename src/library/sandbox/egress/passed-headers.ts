import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

/** Headers for one connection, which a proxy does not pass on. RFC 9110, 7.6.1 */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Returns the headers that are passed on, each as often as it came. */
export function passedHeaders({ rawHeaders }: IncomingMessage): OutgoingHttpHeaders {
  const named = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== 'connection') continue;
    for (const name of rawHeaders[at + 1]?.split(',') ?? []) named.add(name.trim().toLowerCase());
  }
  const passed = new Map<string, string[]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    // The length of a body is that of the message that was parsed.
    if (HOP_BY_HOP.has(name) || (named.has(name) && name !== 'content-length') || name === 'host') continue;
    passed.set(name, [...(passed.get(name) ?? []), rawHeaders[at + 1] ?? '']);
  }
  return Object.fromEntries([...passed].map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}
