// Whether a registries.conf must be parsed. Apart from the parser, so that its schemas are made for such a file only.

/** An escape of TOML, by which a key can be written in other letters than its own. */
const ESCAPE = /\\[uU]/;

/**
 * Whether a file has what only the parser understands: a table of registries, or the beginning of one, of which the
 * parser says what is wrong. Others cost no parser.
 */
export function hasRegistryTables(content: string): boolean {
  if (ESCAPE.test(content)) return true;
  return /^\s*(?:\[\[?\s*["']?registr|["']?registry["']?\s*=\s*\[|["']?registries["']?\s*[.=])/m.test(content);
}

/**
 * Whether a file may give a short name another meaning than it has on Docker Hub. A file that gives it none, or gives
 * it `docker.io/library/NAME` (`docker.io/NAME` where the name has a slash), need not be parsed.
 */
export function mayAlias(content: string, name: string): boolean {
  if (ESCAPE.test(content)) return true;
  const quoted = name.replaceAll('.', '\\.');
  const itself = name.includes('/') ? `docker\\.io/${quoted}` : `docker\\.io/library/${quoted}`;
  return new RegExp(`(?:^|[{,.])[ \\t]*["']?${quoted}["']?[ \\t]*=[ \\t]*["'](?!${itself}["'])`, 'm').test(content);
}
