import { serverText } from './redact.ts';

/** Bytes that a registry may spend on warnings. */
const MOST = 4096;
/** Characters of a warning that are shown. */
const MOST_SHOWN = 300;

/**
 * The texts of a `Warning` header, `299 - "TEXT"`, for people; other codes are a cache's. Distribution spec,
 * "Warnings"; RFC 7234, section 5.5.
 */
export function parseWarnings(header: string | undefined): readonly string[] {
  if (header === undefined) return [];
  const texts = header.slice(0, MOST).matchAll(/(?:^|,)\s*299 - "((?:[^"\\]|\\.)*)"/g);
  return [...texts]
    .map(([, text = '']) => serverText(text.replaceAll(/\\(.)/g, '$1'), MOST_SHOWN))
    .filter((text) => text !== '');
}
