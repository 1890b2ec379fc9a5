import { join } from 'node:path';
import { tempDir } from '../temp-dir.ts';
import { type MadeImage, makeIndex } from './image.ts';
import { named, writeLayout } from './layout.ts';

/** An index of two images, and a layout that has it as `all` and the first image as `one`. */
export interface TwoPlatforms {
  /** For linux/amd64. */
  readonly one: MadeImage;
  /** All blobs and documents, by digest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly index: ReturnType<typeof makeIndex>;
  /** The path of the layout. */
  readonly layout: string;
}

/** Makes two images by `make`, with their index. */
export function makeTwoPlatforms(make: (platform: { os: string; architecture: string }) => MadeImage): TwoPlatforms {
  const [amd64, s390x] = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 's390x' },
  ];
  const [one, other] = [make(amd64), make(s390x)];
  const index = makeIndex([
    { ...one.descriptor, platform: amd64 },
    { ...other.descriptor, platform: s390x },
  ]);
  const blobs = new Map([...one.blobs, ...other.blobs, [index.descriptor.digest, index.bytes]]);
  const entries = [named(index.descriptor, 'all'), named(one.descriptor, 'one')];
  return { one, index, blobs, layout: writeLayout(join(tempDir(), 'layout'), entries, blobs) };
}
