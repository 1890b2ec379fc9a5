import { createTarReader } from '../../../src/tar/read/read.ts';
import { endingOf, fault, mustEqual } from '../ending.ts';
import { mutateTar } from '../mutate/mutate-tar.ts';
import { createRandom, type Random } from '../mutate/random.ts';
import { tarSeeds } from '../seeds.ts';
import { bytesTarget } from '../target.ts';

/**
 * The most memory for an archive of a few kilobytes: an extension that announces the largest size and has no content.
 */
const HELD_BYTES = 4 * 1024 * 1024;

/** Collects all entries of a reader, and how it ends. Content that comes in pieces is joined. */
export function outcomeOf(archive: Buffer, chunk: () => number): { readonly told: string; readonly ending: string } {
  const told: string[] = [];
  let open = false;
  let next = -1;
  const reader = createTarReader({
    entry(header, body) {
      if (open) throw fault('an entry began before the last one ended');
      open = true;
      next = -1;
      told.push(JSON.stringify([header, [...header.xattrs], body]));
    },
    data(bytes, position) {
      if (!open || bytes.length === 0) throw fault('content without an entry, or none');
      if (position < next) throw fault('content goes back');
      if (position === next) told.push(`${told.pop()}${bytes.toString('hex')}`);
      else told.push(`${position}:${bytes.toString('hex')}`);
      next = position + bytes.length;
    },
    end() {
      if (!open) throw fault('an entry ended that had not begun');
      open = false;
      told.push('end');
    },
  });
  const ending = endingOf(() => {
    for (let at = 0; at < archive.length; ) {
      const size = chunk();
      reader.write(archive.subarray(at, at + size));
      at += size;
    }
    reader.end();
    if (open) throw fault('the archive ended with an entry open');
  });
  return { told: [...told, ending].join('\n'), ending };
}

function run(archive: Buffer, random: Random): string {
  const before = process.memoryUsage().arrayBuffers;
  const whole = outcomeOf(archive, () => 1 << 20);
  const held = process.memoryUsage().arrayBuffers - before;
  if (held > HELD_BYTES) throw fault(`${held} bytes are held for ${archive.length}`);
  const cuts = createRandom(random.below(2 ** 32));
  mustEqual(outcomeOf(archive, () => 1 + cuts.below(700)).told, whole.told, 'cut anywhere it reads otherwise');
  if (random.once(8)) mustEqual(outcomeOf(archive, () => 1).told, whole.told, 'byte by byte it reads otherwise');
  return whole.ending;
}

export const tarReaderTarget = bytesTarget({
  name: 'tar-reader',
  rule: 'an archive gives entries or an error of tsimg, the same however it is cut, and holds no more than its extensions',
  seeds: tarSeeds,
  mutate: mutateTar,
  run,
});
