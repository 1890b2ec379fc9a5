import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Image } from '../../image/image.ts';
import { entriesOf, type Tree } from '../../rootfs/tree.ts';
import { type ArchiveDestination, checkArchiveDestination, openArchiveOutput } from '../../sinks/archive-output.ts';
import { rootfsEntries } from '../../sinks/rootfs-tar.ts';
import { createByteBudget, type ExpansionLimits } from '../../streams/byte-budget.ts';
import { makeTemporaryDirectory } from '../../sys/file/temporary.ts';
import { tarChunks } from '../../tar/write/tar-chunks.ts';
import { type FoldOptions, foldImage } from '../layers/fold-image.ts';

/**
 * Writes the root filesystem of an image as one tar archive. All owners, modes, times, devices and attributes are kept
 * for any caller: they are never made on disk. The contents of files wait in a temporary directory while the layers are
 * read. Equal images give equal bytes. A file at the destination is replaced when the archive is complete.
 * @throws DIFF_ID_MISMATCH, LAYER_INVALID, TAR_INVALID, LIMIT_EXCEEDED, FILESYSTEM, DESTINATION_EXISTS,
 * DESTINATION_INVALID
 */
export async function exportImage(
  image: Image,
  destination: ArchiveDestination,
  context: FoldOptions = {},
): Promise<void> {
  const { signal } = context;
  await checkArchiveDestination(destination);
  await using directory = await makeTemporaryDirectory();
  await using pool = await open(directory.path, constants.O_RDONLY | constants.O_DIRECTORY);
  const tree = await foldImage(image, context, pool.fd);
  checkSize(tree, image, context.limits);
  const chunks = tarChunks(rootfsEntries(tree, directory.path));
  const archive = Readable.from(chunks, { objectMode: false, ...(signal && { signal }) });
  const output = await openArchiveOutput(archive, destination);
  try {
    await output.commit();
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/** Checks the size of the archive: holes of sparse files in layers become zeros there. @throws LIMIT_EXCEEDED */
function checkSize(tree: Tree, { layers, descriptor }: Image, limits: ExpansionLimits | undefined): void {
  const budget = createByteBudget(limits);
  for (const layer of layers) budget.taken(layer.descriptor.size);
  const files = new Set([...entriesOf(tree)].map(({ node }) => node));
  for (const node of files) if (node.kind === 'file') budget.given(node.size, descriptor.digest);
}
