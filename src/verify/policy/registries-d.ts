import { parse } from 'yaml';
import { z } from 'zod';
import { TsimgError } from '../../errors.ts';
import type { Reference } from '../../oci/reference.ts';

const entry = z.looseObject({ lookaside: z.string().optional(), sigstore: z.string().optional() });
const fileSchema = z.looseObject({
  'default-docker': entry.optional(),
  docker: z.record(z.string(), entry).optional(),
});

/** Where registries keep signatures beside themselves: containers-registries.d(5). */
export interface Lookasides {
  readonly byScope: ReadonlyMap<string, string>;
  readonly byDefault: string | undefined;
}

/** Reads the files of a registries.d folder. @throws POLICY_INVALID */
export function parseLookasides(files: readonly { readonly path: string; readonly text: string }[]): Lookasides {
  const byScope = new Map<string, string>();
  let byDefault: string | undefined;
  for (const { path, text } of files) {
    const result = fileSchema.safeParse(read(text, path));
    if (!result.success) throw invalid(path, 'it is not of the form of containers-registries.d(5)', result.error);
    const { docker = {}, 'default-docker': standard } = result.data;
    byDefault ??= standard?.lookaside ?? standard?.sigstore;
    for (const [scope, { lookaside, sigstore }] of Object.entries(docker)) {
      const base = lookaside ?? sigstore;
      if (base !== undefined) byScope.set(scope, base);
    }
  }
  return { byScope, byDefault };
}

function read(text: string, path: string): unknown {
  try {
    return parse(text) ?? {};
  } catch (error) {
    throw invalid(path, 'it is not YAML', error);
  }
}

function invalid(where: string, why: string, cause: unknown): TsimgError {
  return new TsimgError('POLICY_INVALID', 'the places of signatures cannot be read', { where, why, cause });
}

/** The base of the URLs at which a repository's signatures lie; undefined where none is configured. */
export function lookasideOf(
  { byScope, byDefault }: Lookasides,
  { registry, repository }: Reference,
): string | undefined {
  const parts = [registry, ...repository.split('/')];
  for (let length = parts.length; length > 0; length -= 1) {
    const base = byScope.get(parts.slice(0, length).join('/'));
    if (base !== undefined) return base;
  }
  return byDefault;
}
