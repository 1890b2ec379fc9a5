import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import type { Sink } from '../image/sink.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { hasBlob } from '../store/blobs.ts';
import { readIndexFile, updateIndexFile } from '../store/index-file.ts';
import { writeBlob } from '../store/intake.ts';
import { LAYOUT, LAYOUT_MARKER } from '../store/layout-names.ts';
import { readLayoutFile } from '../store/read-layout-file.ts';
import { filesystemError } from '../sys/file/filesystem-error.ts';
import { makeDirectory } from '../sys/file/make-directories.ts';
import { replaceText } from '../sys/file/replace-text.ts';
import { attachedEntry, namedEntries } from './entry-name.ts';
import { enterLayoutRoom, LAYOUT_ROOM } from './layout-room.ts';

/** Accepts a missing path, an empty directory or a layout. @throws DESTINATION_EXISTS, FILESYSTEM */
async function checkDestination(path: string): Promise<void> {
  let entries: readonly string[];
  try {
    entries = await readdir(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) === 'ENOTDIR') {
      throw new TsimgError('DESTINATION_INVALID', 'an OCI layout is a directory', {
        where: path,
        why: 'this, or a part of the path, is a file',
        hint: 'name a new or empty directory, or write the layout to one file: oci-archive:FILE',
        cause: error,
      });
    }
    throw filesystemError('cannot write an OCI layout', path, error);
  }
  // Where the first copy was killed before it was complete, the room is all that is there.
  const others = entries.filter((name) => name !== LAYOUT_ROOM);
  if (others.length === 0 || others.includes(LAYOUT.marker)) return;
  throw new TsimgError('DESTINATION_EXISTS', 'a directory that is not an OCI layout', {
    where: path,
    hint: 'name a new or empty directory, or an OCI layout to add to',
  });
}

/**
 * Opens an OCI layout directory for writing: a new one is made, an existing one is added to. A new image replaces the
 * entries of the same names; the blobs of the replaced images stay. Blobs wait in a folder of their own until their
 * image is published: a copy that fails leaves the layout as it was, and no new one. Where a copy was killed, the next
 * one goes on. The caller closes the sink. OCI image spec, image-layout.md.
 * @throws DESTINATION_EXISTS when the path holds anything else; FILESYSTEM, DOCUMENT_INVALID
 */
export async function openOciLayoutSink(path: string, signal?: AbortSignal, options: Context = {}): Promise<Sink> {
  const { onEvent } = options;
  await checkDestination(path);
  // A damaged index.json must be found before the first blob is written, not at the end.
  await readIndexFile(path);
  const room = await enterLayoutRoom(path, { signal, onEvent });
  const layout = { root: path, partial: room.staged.partial, locksAreOptional: true };
  const waiting = new Map<Digest, Descriptor>();
  /** What goes into the index together with its image. */
  const attached: Descriptor[] = [];
  return {
    label: path,
    async has(descriptor, abort) {
      if (await hasBlob(layout, descriptor, abort)) return true;
      if (!(await hasBlob(room.staged, descriptor, abort))) return false;
      waiting.set(descriptor.digest, descriptor);
      return true;
    },
    async write(descriptor, content, abort) {
      await writeBlob(room.staged, descriptor, content, { signal: abort, onEvent });
      waiting.set(descriptor.digest, descriptor);
    },
    async publish(descriptor, names, abort) {
      const added = [...namedEntries(descriptor, names), ...attached.splice(0)];
      const nameOf = ({ annotations }: Descriptor) => annotations?.[ANNOTATION.refName];
      const taken = new Set(added.map(nameOf));
      const nameless = new Set(added.map(({ digest }) => digest));
      // Before all else: without it, a folder with the blobs of a killed writer is refused by the next writer.
      const marker = join(path, LAYOUT.marker);
      if ((await readLayoutFile(marker, 4096)) === undefined) await replaceText(marker, layout.partial, LAYOUT_MARKER);
      await makeDirectory(join(path, LAYOUT.blobs, 'sha256'));
      await room.moveOut(waiting.values());
      waiting.clear();
      await updateIndexFile(
        layout,
        room.indexLock,
        (before) => [
          ...before.filter((entry) => {
            const name = nameOf(entry);
            return name === undefined ? !nameless.has(entry.digest) : !taken.has(name);
          }),
          ...added,
        ],
        abort,
      );
    },
    attach: async (_subject, descriptor, tag) => {
      attached.push(attachedEntry(descriptor, tag));
    },
    close: () => room.leave(),
  };
}
