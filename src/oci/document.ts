import { TsimgError } from '../errors.ts';
import { formatSchemaIssue } from '../schema/schema-issue.ts';
import type * as z from '../schema/zod.ts';

/** The largest JSON document (manifest, index, config) that is read, in bytes. Registries accept 4 MiB at most. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/**
 * Parses JSON. A byte order mark is tolerated: the digest is over the bytes, which are kept. @throws DOCUMENT_INVALID
 */
export function parseJson(bytes: Uint8Array, what: string, where: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TsimgError('DOCUMENT_INVALID', `${what} is not JSON`, { where, cause });
  }
}

/** Checks a value with a schema; the error names the first wrong field. @throws DOCUMENT_INVALID */
export function checkDocument<T extends z.ZodMiniType>(
  schema: T,
  value: unknown,
  what: string,
  where: string,
): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const why = formatSchemaIssue(result.error, value);
  throw new TsimgError('DOCUMENT_INVALID', `${what} is not valid`, { where, why });
}

/** Returns whether a JSON value is an object with this key. */
export function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}
