/** The target of `rel="next"` in a Link header (RFC 8288), as it stands there; undefined when there is none. */
function nextTarget(header: string): string | undefined {
  for (const [, target, parameters] of header.matchAll(
    /<([^>]*)>((?:\s*;\s*[^\s;,="]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]*))?)*)/g,
  )) {
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=\s|;|,|$))/i.test(parameters ?? '')) return target;
  }
  return undefined;
}

/**
 * The next page of a list. Only of the same origin as this page: the next request carries the same credentials, and who writes
 * the header must not choose where they go.
 */
export function nextPage(header: string | undefined, page: URL): URL | undefined {
  const target = header === undefined ? undefined : nextTarget(header);
  if (target === undefined || !URL.canParse(target, page.href)) return undefined;
  const next = new URL(target, page);
  return next.origin === page.origin && next.username === '' && next.password === '' ? next : undefined;
}
