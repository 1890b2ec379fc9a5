import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Sink } from '../image/sink.ts';
import { formatReference, parseReference, type Reference, refuseHostAlone } from '../oci/reference.ts';
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

/** The grammar of `org.opencontainers.image.ref.name`. OCI image spec, annotations.md */
const REF_NAME = /^[A-Za-z0-9]+(?:(?:[-._:@+]|--|\/)[A-Za-z0-9]+)*$/;
/** The end of a file's name that is likely meant where a name on Docker Hub has it. */
const ARCHIVE_NAME = /\.(?:tar(?:\.(?:gz|zst|xz|bz2))?|tgz)(?::[^/]*)?$/;

const TRANSPORT = /^(docker-archive|oci-archive|oci):(.*)$/s;

function usage(text: string, why: string): TsimgError {
  return new TsimgError('USAGE', 'not a place to copy to', {
    where: text.slice(0, 300),
    why,
    hint: 'write a reference, store:REFERENCE, oci:PATH[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]',
  });
}

/** The complete name that docker gives the image of an archive. @throws USAGE, REFERENCE_INVALID */
function dockerName(text: string, name: string): string {
  const reference = parseReference(name);
  if (reference.digest !== undefined) throw usage(text, 'docker gives images of archives tags, and no digests');
  if (/^[^.:]*$/.test(reference.registry) && reference.registry !== 'localhost') {
    const why = 'repository names are lower case, and podman takes no host without a dot or a port';
    throw usage(text, `${why}, such as ${reference.registry}`);
  }
  return formatReference(reference);
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
    if (transport === 'docker-archive') return { kind: transport, path, name: name && dockerName(text, name) };
    if (name !== undefined && !REF_NAME.test(name)) {
      throw usage(text, 'the name has characters that the name of an image in an OCI layout cannot have');
    }
    return { kind: transport as 'oci' | 'oci-archive', path, name };
  }
  const other = /^(dir|docker-daemon|containers-storage|ostree|tarball|sif):/.exec(text)?.[1];
  if (other !== undefined) throw usage(text, `images are not copied to ${other}:`);
  if (/^[/.]/.test(text)) throw usage(text, 'a path needs a transport before it, which tells what is written');
  const bare = text.replace(/^docker:\/\//, '');
  refuseHostAlone(bare);
  if (bare === text && ARCHIVE_NAME.test(text) && parseReference(text).registry === 'docker.io') {
    throw new TsimgError('USAGE', 'a file needs a transport before it, which tells what is written', {
      where: text.slice(0, 300),
      hint: `write docker-archive:FILE or oci-archive:FILE; for a repository of that name, docker://${text}`,
    });
  }
  return { kind: 'registry', reference: parseReference(bare) };
}

/** How sinks are opened. */
export interface OpenSinkOptions extends Context {
  /** The store's directory. */
  readonly storeRoot: string;
  openRegistry(reference: Reference): Sink;
  /** Whether an archive that exists is replaced. Default false: it is refused with DESTINATION_EXISTS. */
  readonly replace?: boolean | undefined;
}

/** A sink, and the names that an image gets there. */
export interface OpenedSink {
  readonly sink: Sink;
  readonly names: readonly string[];
}

/** Opens a SINK. The caller closes it. @throws what the sinks throw */
export async function openSink(spec: SinkSpec, options: OpenSinkOptions): Promise<OpenedSink> {
  const { storeRoot, openRegistry, replace = false, signal, onEvent } = options;
  switch (spec.kind) {
    case 'registry':
      return { sink: openRegistry(spec.reference), names: [formatReference(spec.reference)] };
    case 'store':
      return { sink: await openStoreSink(storeRoot, signal, { onEvent }), names: [spec.name] };
    case 'oci':
      return { sink: await openOciLayoutSink(spec.path, signal, { onEvent }), names: namesOf(spec) };
    case 'oci-archive':
    case 'docker-archive': {
      const sink = await openArchiveSink(
        { path: spec.path, replace },
        { docker: spec.kind === 'docker-archive', onEvent },
      );
      return { sink, names: namesOf(spec) };
    }
  }
}

function namesOf({ name }: { readonly name: string | undefined }): readonly string[] {
  return name === undefined ? [] : [name];
}
