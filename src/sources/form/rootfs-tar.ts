import { pipeline, Readable } from 'node:stream';
import { digestOf } from '../../crypto/digest.ts';
import { TsimgError } from '../../errors.ts';
import type { Source } from '../../image/source.ts';
import { MEDIA_TYPE } from '../../oci/media-type.ts';
import { platformOfNodeArch } from '../../oci/platform.ts';
import { createHasher } from '../../streams/hashing.ts';
import { readSection } from '../../streams/read-section.ts';
import { verified } from '../../streams/verified.ts';
import type { ArchiveFile } from '../files/archive-file.ts';
import { makeManifest } from './made-image.ts';

/**
 * Opens a tar of a root filesystem (`docker export`, a distribution's) as an image with one layer and an empty config,
 * for this machine's platform, as docker import does. The tar is read once for its digest.
 */
export async function openRootfsTarSource(archive: ArchiveFile, signal?: AbortSignal): Promise<Source> {
  const { handle, label, size } = archive;
  const hasher = createHasher();
  for await (const chunk of readSection(handle, 0, size, signal)) hasher.update(chunk);
  const layer = { mediaType: MEDIA_TYPE.ociLayer, digest: hasher.digest(), size };
  const { os, architecture, variant } = platformOfNodeArch(process.arch);
  const config = Buffer.from(
    JSON.stringify({ architecture, os, variant, config: {}, rootfs: { type: 'layers', diff_ids: [layer.digest] } }),
  );
  const { descriptor, manifest } = makeManifest(config, [layer]);
  const documents = new Map([
    [descriptor.digest, manifest],
    [digestOf(config), config],
  ]);
  return {
    label,
    resolve: async (name) => (name === undefined || name === descriptor.digest ? descriptor : undefined),
    async open(wanted, abort) {
      const document = documents.get(wanted.digest);
      if (document !== undefined) return Readable.from([document]);
      if (wanted.digest === layer.digest) {
        // The file may have changed since it was digested: verify it again.
        return pipeline(readSection(handle, 0, size, abort), verified(wanted, label), () => {});
      }
      throw new TsimgError('BLOB_NOT_FOUND', 'a blob is missing', { where: `${label} ${wanted.digest}` });
    },
    list: async () => [{ name: undefined, descriptor }],
    close: () => handle.close(),
  };
}
