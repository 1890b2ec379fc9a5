import type { Context } from '../../events.ts';
import { readDocument } from '../../image/read-document.ts';
import { type Sink, writeUnlessThere } from '../../image/sink.ts';
import type { Source } from '../../image/source.ts';
import { parseManifest } from '../../oci/manifest.ts';
import type { GoodAttached } from './verify-image.ts';

/**
 * Copies good signatures to the image's sink, so that the image can be verified later without its registry. A sink that
 * keeps no signatures gets none.
 * @throws the errors of source and sink
 */
export async function keepSignatures(
  good: readonly GoodAttached[],
  source: Source,
  sink: Sink,
  { signal }: Context,
): Promise<void> {
  if (sink.attach === undefined) return;
  for (const { place } of good) {
    if (place === undefined) continue;
    const { subject, descriptor, tag } = place;
    const bytes = await readDocument(source, descriptor, signal);
    const manifest = parseManifest(bytes, descriptor.mediaType, source.label);
    for (const blob of [manifest.config, ...manifest.layers]) {
      if (!(await sink.has(blob, signal))) await sink.write(blob, () => source.open(blob, signal), signal);
    }
    await writeUnlessThere({ descriptor, bytes }, sink, signal);
    await sink.attach(subject, descriptor, tag, signal);
  }
}
