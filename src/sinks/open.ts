import { TsimgError } from '../errors.ts';
import type { Sink } from '../image/sink.ts';
import { formatReference, parseReference, type Reference } from '../oci/reference.ts';
import { openArchiveSink } from './archive.ts';
import { openOciLayoutSink } from './oci-layout.ts';
import { openStoreSink } from './store.ts';

/** The meaning of a SINK's text. */
export type SinkSpec =
  | { readonly kind: 'registry'; readonly reference: Reference }
  | { readonly kind: 'store'; readonly name: string }
  | {
      readonly kind: 'oci' | 'oci-archive' | 'docker-archive';
      readonly path: string;
      /** The name of the image there; undefined for none. */
      readonly name: string | undefined;
    };

const TRANSPORT = /^(docker-archive|oci-archive|oci):(.*)$/s;

function usage(text: string, why: string): TsimgError {
  return new TsimgError('USAGE', 'not a place to copy to', {
    where: text.slice(0, 300),
    why,
    hint: 'write a reference, store:REFERENCE, oci:PATH[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]',
  });
}

/**
 * Parses a SINK: skopeo's transports, and `store:`. A reference without one is that of a registry.
 * @throws USAGE, REFERENCE_INVALID
 */
export function parseSinkSpec(text: string): SinkSpec {
  if (text === '') throw usage(text, 'it is empty');
  if (text.startsWith('store:')) {
    return { kind: 'store', name: formatReference(parseReference(text.slice('store:'.length))) };
  }
  const [, transport, rest = ''] = TRANSPORT.exec(text) ?? [];
  if (transport !== undefined) {
    const colon = rest.indexOf(':');
    const path = colon === -1 ? rest : rest.slice(0, colon);
    if (path === '') throw usage(text, 'it has no path');
    const name = colon === -1 ? undefined : rest.slice(colon + 1) || undefined;
    return { kind: transport as 'oci' | 'oci-archive' | 'docker-archive', path, name };
  }
  const other = /^(dir|docker-daemon|containers-storage|ostree|tarball|sif):/.exec(text)?.[1];
  if (other !== undefined) throw usage(text, `images are not copied to ${other}:`);
  if (/^[/.]/.test(text)) throw usage(text, 'a path needs the form of what is written there');
  return { kind: 'registry', reference: parseReference(text.replace(/^docker:\/\//, '')) };
}

/** How sinks are opened. */
export interface OpenSinkOptions {
  /** The store's directory. */
  readonly storeRoot: string;
  openRegistry(reference: Reference): Sink;
  readonly signal?: AbortSignal | undefined;
}

/** A sink, and the names that an image gets there. */
export interface OpenedSink {
  readonly sink: Sink;
  readonly names: readonly string[];
}

/** Opens a SINK. The caller closes it. @throws what the sinks throw */
export async function openSink(spec: SinkSpec, options: OpenSinkOptions): Promise<OpenedSink> {
  const { storeRoot, openRegistry, signal } = options;
  switch (spec.kind) {
    case 'registry':
      return { sink: openRegistry(spec.reference), names: [formatReference(spec.reference)] };
    case 'store':
      return { sink: await openStoreSink(storeRoot, signal), names: [spec.name] };
    case 'oci':
      return { sink: await openOciLayoutSink(spec.path, signal), names: namesOf(spec) };
    case 'oci-archive':
    case 'docker-archive': {
      const sink = await openArchiveSink({ path: spec.path }, { docker: spec.kind === 'docker-archive' });
      return { sink, names: namesOf(spec) };
    }
  }
}

function namesOf({ name }: { readonly name: string | undefined }): readonly string[] {
  return name === undefined ? [] : [name];
}
