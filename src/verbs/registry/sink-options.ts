import type { Source } from '../../image/source.ts';
import type { Reference } from '../../oci/reference.ts';
import { type AliasOptions, completeName } from '../../registry/mirrors/short-name.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import { parseSinkSpec, type SinkSpec } from '../../sinks/open.ts';
import type { RegistrySinkOptions } from '../../sinks/registry.ts';
import type { ImageOptions } from '../image/open-image.ts';

/** How a verb reaches the registries of its source and of its sink. */
export interface ReachOptions extends ImageOptions, Omit<RegistrySinkOptions, 'mountFrom'> {
  /** Whether an archive that exists is replaced. Default false: it is refused with DESTINATION_EXISTS. */
  readonly force?: boolean | undefined;
  /**
   * How the destination's registry is reached. The same options beside it are for the source's registry, and for the
   * destination's only where the source is none.
   */
  readonly destination?: Pick<RegistryOptions, 'tlsVerify' | 'certDir' | 'credentials' | 'trustedRealms'> | undefined;
}

/**
 * Parses a SINK; a short name may be an alias, as where images are read.
 * @throws USAGE, REFERENCE_INVALID, REGISTRIES_INVALID
 */
export async function completeSink(text: string, options: AliasOptions): Promise<SinkSpec> {
  const spec = parseSinkSpec(text);
  return spec.kind === 'registry' ? parseSinkSpec(await completeName(text, options)) : spec;
}

/** The repository that blobs may be mounted from: the source's, where it is one of the same registry. */
function mountFrom({ place }: Source, { registry }: Reference): string | undefined {
  return place?.transport === 'docker' && place.reference.registry === registry
    ? place.reference.repository
    : undefined;
}

/**
 * How the sink's registry is reached. What is said of the source's registry, credentials above all, does not hold for
 * another one.
 * @param source undefined where nothing is read from a registry
 */
export function sinkOptions(source: Source | undefined, to: Reference, options: ReachOptions): RegistrySinkOptions {
  const { authFile, env, requests, connections, mirrors, chunkSize, signal, onEvent, destination } = options;
  const common = {
    ...{ authFile, env, requests, connections, mirrors, chunkSize, signal, onEvent },
    mountFrom: source && mountFrom(source, to),
  };
  if (source?.place?.transport === 'docker') return { ...common, ...destination };
  const { tlsVerify, certDir, credentials, trustedRealms } = options;
  return { ...common, tlsVerify, certDir, credentials, trustedRealms, ...destination };
}
