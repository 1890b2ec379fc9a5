import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import { formatSchemaIssue } from '../../schema/schema-issue.ts';
import type * as z from '../../schema/zod.ts';

/** The most bytes of a file: those of a cluster have some kilobytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The error for a file that cannot be used. */
export function invalidFile(where: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('REGISTRIES_INVALID', 'the configuration of registries is not valid', {
    where,
    why,
    hint: 'correct it, or go on without such files by --no-mirrors',
    cause,
  });
}

/**
 * Errors of a path that is not there for this user. After su or sudo, $HOME may be the folder of another user, which is
 * closed: the files in it are not this user's.
 */
function isAbsent(error: unknown, path: string, home: string): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR' || (errno === 'EACCES' && path.startsWith(`${home}/`));
}

/** Returns what kind of file a path leads to; undefined where there is none. @throws REGISTRIES_INVALID */
export function kindOf(path: string, home: string): 'file' | 'folder' | undefined {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (isAbsent(error, path, home)) return undefined;
    throw invalidFile(path, messageOf(error), error);
  }
}

/**
 * Reads a file; undefined where there is none. @param home the user's, in which a closed folder counts as none
 * @throws REGISTRIES_INVALID
 */
export function readConfiguration(path: string, home: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > MAX_BYTES) throw invalidFile(path, `more than ${MAX_BYTES} bytes`);
    return bytes.toString('utf8');
  } catch (error) {
    if (isAbsent(error, path, home)) return undefined;
    throw error instanceof TsimgError ? error : invalidFile(path, messageOf(error), error);
  }
}

/**
 * The drop-ins of a folder, in the order in which they count; none where there is no folder. @throws REGISTRIES_INVALID
 */
export function dropInsOf(folder: string, home: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.conf'));
    return names.sort().map((name) => join(folder, name));
  } catch (error) {
    if (isAbsent(error, folder, home)) return [];
    throw invalidFile(folder, messageOf(error), error);
  }
}

/**
 * Parses TOML and checks it by a schema. The parser is loaded when there is something to parse. @throws
 * REGISTRIES_INVALID
 */
export async function parseConfiguration<T extends z.ZodMiniType>(
  schema: T,
  text: string,
  where: string,
): Promise<z.infer<T>> {
  const { parse } = await import('smol-toml');
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    // The parser's message goes on with the lines of the file.
    throw invalidFile(where, messageOf(error).split('\n', 1)[0] ?? '', error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidFile(where, formatSchemaIssue(parsed.error, value));
}
