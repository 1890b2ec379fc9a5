import type { FileSection } from '../../image/file-section.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Files } from './files.ts';

/** Where a descriptor's content lies; undefined where it is missing or has another size: `openBlob` says what is wrong. */
export async function locateBlob(files: Files, name: string, descriptor: Descriptor): Promise<FileSection | undefined> {
  const section = await files.locate(name);
  if (section === undefined || section.size === descriptor.size) return section;
  await section.close();
  return undefined;
}
