import { parse } from 'yaml';
import { TsimgError } from '../../errors.ts';
import type { Reference } from '../../oci/reference.ts';
import * as z from '../../schema/zod.ts';
import { registryScopes } from './scope.ts';

const entry = z.looseObject({ lookaside: z.optional(z.string()), sigstore: z.optional(z.string()) });
const DEFAULT = 'default-docker';
const fileSchema = z.looseObject({
  [DEFAULT]: z.optional(entry),
  docker: z.optional(z.record(z.string(), entry)),
});

/** The lookasides: URLs at which signatures of a registry's images are. containers-registries.d(5) */
export interface Lookasides {
  readonly byScope: ReadonlyMap<string, string>;
  readonly byDefault: string | undefined;
}

/** Parses the files of a registries.d folder. @throws POLICY_INVALID */
export function parseLookasides(files: readonly { readonly path: string; readonly text: string }[]): Lookasides {
  const byScope = new Map<string, string>();
  const seen = new Set<string>();
  let byDefault: string | undefined;
  for (const { path, text } of files) {
    const result = fileSchema.safeParse(read(text, path));
    if (!result.success) throw invalid(path, 'it is not of the form of containers-registries.d(5)', result.error);
    const { docker = {}, [DEFAULT]: standard } = result.data;
    if (standard !== undefined) {
      if (seen.has(DEFAULT)) throw invalid(path, `${DEFAULT} stands in two files`);
      seen.add(DEFAULT);
      byDefault = standard.lookaside ?? standard.sigstore;
    }
    for (const [scope, { lookaside, sigstore }] of Object.entries(docker)) {
      if (seen.has(scope)) throw invalid(path, `the scope ${scope} stands in two files`);
      seen.add(scope);
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

function invalid(where: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('POLICY_INVALID', 'the lookaside configuration is not valid', { where, why, cause });
}

/** Returns the lookaside that is configured for a reference: the base URL of its signatures; undefined without one. */
export function lookasideOf({ byScope, byDefault }: Lookasides, reference: Reference): string | undefined {
  for (const scope of registryScopes(reference)) {
    const base = byScope.get(scope);
    if (base !== undefined) return base;
  }
  return byDefault;
}
