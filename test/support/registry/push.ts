import { digestOf } from '../../../src/crypto/digest.ts';
import type { Digest } from '../../../src/oci/digest.ts';

// Writes into a real registry by the distribution spec, and not by tsimg's own code: what tests attach to images.

export interface Blob {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Pushed {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

async function checked(response: Response, what: string): Promise<Response> {
  if (response.status >= 400) throw new Error(`${what}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  return response;
}

async function pushBlob(host: string, repository: string, { mediaType, bytes, annotations }: Blob): Promise<object> {
  const begun = await checked(
    await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: 'POST' }),
    'begin an upload',
  );
  const place = new URL(begun.headers.get('location') ?? '', `http://${host}`);
  const digest = digestOf(bytes);
  place.searchParams.set('digest', digest);
  await checked(await fetch(place, { method: 'PUT', body: new Uint8Array(bytes) }), 'upload a blob');
  return { mediaType, digest, size: bytes.length, ...(annotations && { annotations }) };
}

/** Puts a document at a tag, or at its own digest. */
export async function pushDocument(
  host: string,
  repository: string,
  mediaType: string,
  document: object | Buffer,
  tag?: string,
): Promise<Pushed> {
  const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
  const digest = digestOf(bytes);
  const url = `http://${host}/v2/${repository}/manifests/${tag ?? digest}`;
  const headers = { 'content-type': mediaType };
  await checked(await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) }), `put ${tag ?? digest}`);
  return { mediaType, digest, size: bytes.length };
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Puts a manifest with these layers at a tag, or at its own digest; other fields as they are given. */
export async function pushArtifact(
  host: string,
  repository: string,
  artifact: {
    readonly layers: readonly Blob[];
    readonly config?: Blob;
    readonly fields?: object;
    readonly tag?: string;
  },
): Promise<Pushed> {
  const config = artifact.config ?? { mediaType: 'application/vnd.oci.image.config.v1+json', bytes: Buffer.from('{}') };
  const document = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await pushBlob(host, repository, config),
    layers: await Promise.all(artifact.layers.map((layer) => pushBlob(host, repository, layer))),
    ...artifact.fields,
  };
  return pushDocument(host, repository, MANIFEST, document, artifact.tag);
}

/** A referrer, with the index at the tag `sha256-HEX` that registries without the referrers API are asked for. */
export async function pushReferrer(
  host: string,
  repository: string,
  subject: Pushed,
  artifact: { readonly layers: readonly Blob[]; readonly config?: Blob; readonly fields?: object },
): Promise<Pushed> {
  const pushed = await pushArtifact(host, repository, { ...artifact, fields: { ...artifact.fields, subject } });
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [pushed] };
  await pushDocument(host, repository, index.mediaType, index, subject.digest.replace(':', '-'));
  return pushed;
}
