import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { appendLayers } from '../../../src/verbs/author/append.ts';
import { asIdentity, IDENTITIES } from '../../support/host/as-user.ts';
import { authorWorld, EVERYTHING, unpacked } from '../../support/image/authored.ts';
import { dir, file, hardlink, symlink, tarOf } from '../../support/image/tar.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';

// Trees that are changed by chance: the image of the changes is unpacked to the changed tree, whatever was done.

const test = suite('verbs/author/random-changes');
const SEEDS = 10;
const STEPS = 30;

const LAYER = tarOf(
  ...['a', 'b', 'c'].flatMap((name) => [
    dir(name),
    file(`${name}/one`, `${name}1`, { mtime: 100 }),
    file(`${name}/two`, `${name}2`, { mtime: 100 }),
    hardlink(`${name}/three`, `${name}/one`),
    symlink(`${name}/link`, 'one', { mtime: 100 }),
    dir(`${name}/sub`),
    file(`${name}/sub/deep`, 'deep', { mtime: 100 }),
  ]),
);

/** Numbers that depend on the seed alone (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** All names below a directory. */
function namesBelow(root: string, path = ''): string[] {
  return readdirSync(join(root, path)).flatMap((name) => {
    const place = join(path, name);
    return lstatSync(join(root, place)).isDirectory() ? [place, ...namesBelow(root, place)] : [place];
  });
}

function step(root: string, random: (below: number) => number): void {
  const tops = readdirSync(root).filter((name) => /^(a|b|c|extra\d)$/.test(name));
  const all = tops.flatMap((top) =>
    lstatSync(join(root, top)).isDirectory() ? [top, ...namesBelow(root, top)] : [top],
  );
  const any = () => join(root, all[random(all.length)] ?? '');
  const files = all.map((name) => join(root, name)).filter((path) => lstatSync(path).isFile());
  const someFile = () => files[random(Math.max(files.length, 1))];
  const fresh = () => {
    const folders = all.map((name) => join(root, name)).filter((path) => lstatSync(path).isDirectory());
    return join(folders[random(Math.max(folders.length, 1))] ?? root, `extra${random(9)}`);
  };
  const target = fresh();
  const isFree = lstatSync(target, { throwIfNoEntry: false }) === undefined;
  const chosen = someFile();
  switch (random(10)) {
    case 0:
      if (all.length > 8) rmSync(any(), { recursive: true });
      break;
    case 1:
      if (isFree) writeFileSync(target, `new ${random(1000)}`);
      break;
    case 2:
      if (isFree) mkdirSync(target);
      break;
    case 3:
      if (chosen !== undefined) appendFileSync(chosen, 'more');
      break;
    case 4: {
      // The size and the time stay.
      if (chosen === undefined) break;
      const { size, mtime } = lstatSync(chosen);
      writeFileSync(chosen, 'z'.repeat(size));
      utimesSync(chosen, mtime, mtime);
      break;
    }
    case 5:
      if (chosen !== undefined) chmodSync(chosen, [0o600, 0o755, 0o640][random(3)] ?? 0o600);
      break;
    case 6:
      if (chosen !== undefined && isFree) linkSync(chosen, target);
      break;
    case 7:
      if (isFree) symlinkSync('nowhere', target);
      break;
    case 8:
      if (chosen !== undefined && isFree) renameSync(chosen, target);
      break;
    case 9: {
      if (all.length === 0) break;
      const path = any();
      const wasDirectory = lstatSync(path).isDirectory();
      rmSync(path, { recursive: true });
      if (wasDirectory) writeFileSync(path, 'was a directory');
      else mkdirSync(path);
    }
  }
}

const world = authorWorld();
const base = world.source(EVERYTHING, LAYER);

for (const identity of IDENTITIES) {
  test(`trees that are changed by chance come out as they are, as ${identity}`, async () => {
    const options = world.options(identity);
    for (let seed = 1; seed <= SEEDS; seed++) {
      const place = (what: string) => join(world.folder, `${what} ${seed} of ${identity}`);
      await asIdentity(identity, async () => {
        const tree = await unpacked(base, place('tree'), options);
        const random = randomOf(seed);
        for (let count = 0; count < STEPS; count++) step(tree, random);
        await appendLayers(base, [], { ...options, changes: tree, output: `oci:${place('image')}:1` });
        await unpacked(`oci:${place('image')}:1`, place('again'), options);
      });
      const [found, expected] = [new Map(snapshot(place('again'))), new Map(snapshot(place('tree')))];
      for (const each of [found, expected]) each.delete('');
      assert.equal(differences(found, expected), [], `seed ${seed}`);
      for (const what of ['tree', 'again', 'image']) rmSync(place(what), { recursive: true });
    }
  });
}

test.run();
