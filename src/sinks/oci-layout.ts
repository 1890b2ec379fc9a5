import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Sink } from '../image/sink.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { hasBlob, writeBlob } from '../store/blobs.ts';
import { readIndexFile, readLayoutFile, updateIndexFile } from '../store/index-file.ts';
import { LAYOUT, LAYOUT_MARKER } from '../store/layout-files.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { replaceText } from '../sys/file/replace-file.ts';
import { namedEntries } from './entry-name.ts';

/** Accepts a missing path, an empty directory or a layout. @throws DESTINATION_EXISTS, FILESYSTEM */
async function checkDestination(path: string): Promise<void> {
  let entries: readonly string[];
  try {
    entries = await readdir(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw filesystemError('cannot write an OCI layout', path, error);
  }
  if (entries.length === 0 || entries.includes(LAYOUT.marker)) return;
  throw new TsimgError('DESTINATION_EXISTS', 'a directory that is not an OCI layout', {
    where: path,
    hint: 'name a new or empty directory, or an OCI layout to add to',
  });
}

/**
 * Opens an OCI layout directory for writing: a new one is made, an existing one is added to. A new image replaces the
 * entries of the same names; the blobs of the replaced images stay. The caller closes the sink. OCI image spec,
 * image-layout.md.
 * @throws DESTINATION_EXISTS when the path holds anything else; FILESYSTEM, DOCUMENT_INVALID
 */
export async function openOciLayoutSink(path: string, signal?: AbortSignal): Promise<Sink> {
  await checkDestination(path);
  await makeDirectory(join(path, LAYOUT.blobs, 'sha256'));
  await makeDirectory(path);
  // A damaged index.json must be found before the first blob is written, not at the end.
  await readIndexFile(path);
  const partial = await mkdtemp(join(path, '.tsimg-'));
  const layout = { root: path, partial };
  const marker = join(path, LAYOUT.marker);
  try {
    if ((await readLayoutFile(marker, 4096)) === undefined) await replaceText(marker, partial, LAYOUT_MARKER);
    signal?.throwIfAborted();
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
  return {
    label: path,
    has: (descriptor, abort) => hasBlob(layout, descriptor, abort),
    write: (descriptor, content, abort) => writeBlob(layout, descriptor, content, abort),
    publish(descriptor, names, abort) {
      const added = namedEntries(descriptor, names);
      const taken = new Set<string | undefined>(names);
      return updateIndexFile(
        layout,
        marker,
        (before) => [
          ...before.filter(({ digest, annotations }) => {
            const name = annotations?.[ANNOTATION.refName];
            return name === undefined ? digest !== descriptor.digest : !taken.has(name);
          }),
          ...added,
        ],
        abort,
      );
    },
    close: () => rm(partial, { recursive: true, force: true }),
  };
}
