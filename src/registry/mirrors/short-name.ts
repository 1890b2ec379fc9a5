import type { Context } from '../../events.ts';
import { isHost } from '../../oci/reference.ts';
import type { Environment } from '../http/proxy.ts';
import { findAlias, type MirrorFiles } from './find-configuration.ts';

/** Which files have aliases; as in the options of a registry. */
export interface AliasOptions extends Pick<Context, 'onEvent'> {
  readonly mirrors?: MirrorFiles | false | undefined;
  readonly env?: Environment | undefined;
}

/** The name of a text without its tag and digest, where it has no host; undefined for any other text. */
function shortNameOf(text: string): string | undefined {
  const [, name = ''] = /^([^@:]+)(?::[^@/:]*)?(?:@.*)?$/.exec(text) ?? [];
  if (name === '' || !/^[a-z0-9][a-z0-9._/-]*$/.test(name)) return undefined;
  return name.includes('/') && isHost(name.slice(0, name.indexOf('/'))) ? undefined : name;
}

/**
 * Replaces the short name in a reference by its alias in registries.conf; its tag and digest stay. Any other text is
 * returned as it is. A short name without an alias is on Docker Hub.
 * @throws REGISTRIES_INVALID, USAGE
 */
export async function completeName(
  text: string,
  { mirrors = {}, env = process.env, onEvent }: AliasOptions,
): Promise<string> {
  const name = mirrors === false ? undefined : shortNameOf(text);
  if (name === undefined || mirrors === false) return text;
  const alias = await findAlias(name, mirrors, env);
  if (alias === undefined) return text;
  onEvent?.({ kind: 'detail', message: `${name} is ${alias.target}, an alias of ${alias.file}` });
  return `${alias.target}${text.slice(name.length)}`;
}
