import { Readable } from 'node:stream';
import { digestOf } from '../../crypto/digest.ts';
import type { Source } from '../../image/source.ts';
import { hexOf } from '../../oci/digest.ts';
import { hasKey, parseJson } from '../../oci/document.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { type Files, readWhole, readWholeDocument } from '../files/files.ts';
import { locateBlob, openBlob } from '../files/open-blob.ts';
import { memberMissing } from './docker-layers.ts';

const MANIFEST = 'manifest.json';

/** The media type of a manifest, told by its fields where it gives none. */
function mediaTypeOf(value: unknown): string {
  const own = typeof value === 'object' && value !== null ? Reflect.get(value, 'mediaType') : undefined;
  if (typeof own === 'string' && own !== '') return own;
  return hasKey(value, 'manifests') ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest;
}

/** A signature has a few kilobytes, with a certificate chain and a log entry ten. */
const MAX_SIGNATURE_BYTES = 1024 * 1024;
const MAX_SIGNATURES = 1000;

/** `signature-1`, `signature-2` …, as many as there are in a row. */
async function readSignatureFiles(files: Files, signal?: AbortSignal): Promise<readonly Buffer[]> {
  const found: Buffer[] = [];
  while (found.length < MAX_SIGNATURES) {
    const bytes = await readWhole(files, `signature-${found.length + 1}`, MAX_SIGNATURE_BYTES, signal);
    if (bytes === undefined) break;
    found.push(bytes);
  }
  return found;
}

/**
 * Opens skopeo's `dir:`: one image, with its manifest in manifest.json and blobs under their hex digits. A copy of
 * several platforms has the other manifests in `HEX.manifest.json`.
 * @throws BLOB_NOT_FOUND, DOCUMENT_INVALID, LIMIT_EXCEEDED
 */
export async function openSkopeoDirSource(files: Files, signal?: AbortSignal): Promise<Source> {
  const { label } = files;
  const manifest = await readWholeDocument(files, MANIFEST, signal);
  if (manifest === undefined) throw memberMissing(files, MANIFEST);
  const mediaType = mediaTypeOf(parseJson(manifest, 'manifest', `${label} ${MANIFEST}`));
  const root = { mediaType, digest: digestOf(manifest), size: manifest.length };
  return {
    label,
    documentLimit: files.documentLimit,
    // The form has no names: only a digest can be meant.
    resolve: async (name) => (name === undefined || name === root.digest ? root : undefined),
    async open(descriptor, abort) {
      if (descriptor.digest === root.digest) return Readable.from([manifest]);
      const hex = hexOf(descriptor.digest);
      const instance = `${hex}.manifest.json`;
      const isInstance = (await files.size(instance)) !== undefined;
      return openBlob(files, isInstance ? instance : hex, descriptor, abort);
    },
    locate: async (descriptor) => locateBlob(files, hexOf(descriptor.digest), descriptor),
    list: async () => [{ name: undefined, descriptor: root }],
    signatureFiles: (abort) => readSignatureFiles(files, abort),
    close: () => files.close(),
  };
}
