import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildRootfs } from '../../src/disk/build-rootfs.ts';
import { TsimgError } from '../../src/errors.ts';
import { asIdentity, IDENTITIES, type Identity } from '../support/host/as-user.ts';
import { layerInputs } from '../support/image/layer-input.ts';
import { dir, file, hardlink, opaque, symlink, type TarPart, tarOf, whiteout } from '../support/image/tar.ts';
import { differences, snapshot } from '../support/image/tree-snapshot.ts';
import { tempDir } from '../support/temp-dir.ts';

// These layers try to leave the destination. Files beside and above it must keep their content, mode, owner, time and
// number of links, and no file may be added there.
const test = suite('disk/canaries');

interface Case {
  readonly id: string;
  /** Layers, base first; `outside` is the absolute path of the folder with the canaries. */
  readonly layers: (outside: string) => readonly (readonly TarPart[])[];
  /** The error code; undefined when the layer is unpacked, harmless. */
  readonly refused?: string;
}

const poison = { mode: 0o777, uid: 7, gid: 7, mtime: 77, xattrs: { 'user.poison': 'x' } };

const CASES: readonly Case[] = [
  {
    id: 'CVE-2014-9356: an absolute symlink, and a file through it',
    layers: (outside) => [[symlink('l', outside), file('l/canary', 'dead'), file('l/new', 'dead')]],
  },
  {
    id: 'a climbing symlink, and a file through it',
    layers: () => [[symlink('l', '../outside'), file('l/canary', 'dead')]],
  },
  { id: 'a climbing name', layers: () => [[file('../outside/canary', 'dead'), file('../../x', 'dead')]] },
  { id: 'an absolute name', layers: (outside) => [[file(`${outside}/canary`, 'dead')]] },
  { id: 'CVE-2025-59343: a sibling with the same beginning', layers: () => [[file('../to-sibling/canary', 'dead')]] },
  {
    id: 'GNU tar CVE-2025-45582: a link planted by one layer and used by the next',
    layers: (outside) => [[symlink('a/l', outside)], [file('a/l/canary', 'dead', poison), dir('a/l/deep', poison)]],
  },
  {
    id: 'CVE-2021-32803: a directory that was seen becomes a link',
    layers: (outside) => [[dir('d'), file('d/f', 'x'), symlink('d', outside), file('d/canary', 'dead')]],
  },
  {
    id: 'CVE-2026-33056: a directory entry over a link changes no mode outside',
    layers: (outside) => [[symlink('l', outside), dir('l', poison)], [symlink('m', outside)], [dir('m', poison)]],
  },
  {
    id: 'attributes of a symlink are its own',
    layers: (outside) => [
      [symlink('l', `${outside}/canary`, { ...poison, xattrs: {} }), symlink('d', outside, poison)],
    ],
  },
  {
    id: 'CVE-2021-32760: attributes through a hard link to a symlink',
    layers: (outside) => [
      [symlink('s', `${outside}/canary`), hardlink('h', 's', poison)],
      [hardlink('i', 'h', poison)],
    ],
  },
  {
    id: 'CVE-2026-50163: a hard link to a host file by its absolute name',
    layers: (outside) => [
      [hardlink('h', `${outside}/canary`), file('h', 'dead')],
      [hardlink('i', `${outside}/canary`)],
    ],
    refused: 'LAYER_INVALID',
  },
  {
    id: 'CVE-2026-24842: a hard link that climbs',
    layers: () => [[hardlink('h', '../outside/canary')]],
    refused: 'LAYER_INVALID',
  },
  {
    id: 'CVE-2026-26960: a hard link through a chain of symlinks',
    layers: (outside) => [[symlink('a', 'b'), symlink('b', outside), hardlink('h', 'a/canary')]],
    refused: 'LAYER_INVALID',
  },
  {
    id: 'a hard link to a symlink, and a write through it',
    layers: (outside) => [[symlink('s', outside), hardlink('h', 's')], [file('h/canary', 'dead')]],
  },
  {
    id: 'a whiteout through a symlink',
    layers: (outside) => [[symlink('l', outside)], [whiteout('l/canary'), whiteout('l')]],
  },
  {
    id: 'an opaque marker through a symlink',
    layers: (outside) => [
      [symlink('l', outside), symlink('m', '..')],
      [opaque('l'), opaque('m'), opaque('l/deep')],
    ],
  },
  { id: 'a whiteout of .', layers: () => [[file('d/.wh..', '')]], refused: 'LAYER_INVALID' },
  { id: 'a whiteout of ..', layers: () => [[file('.wh...', '')]], refused: 'LAYER_INVALID' },
  { id: 'a whiteout that climbs', layers: () => [[], [whiteout('../outside/canary'), opaque('../outside')]] },
  {
    id: 'CVE-2021-29136: a root that is a symlink',
    layers: (outside) => [[symlink('.', outside)], [file('canary', 'dead')]],
    refused: 'LAYER_INVALID',
  },
  {
    id: 'CVE-2024-12905: x -> ., x/y -> ..',
    layers: () => [[symlink('x', '.'), symlink('x/y', '..'), file('y/z', 'dead')]],
  },
];

/** Makes a folder with canaries `outside` and `to-sibling`, and a free name `to`. */
function place(identity: Identity): Promise<string> {
  const here = join(tempDir(0o777), 'here');
  return asIdentity(identity, () => {
    mkdirSync(join(here, 'outside', 'deep'), { recursive: true });
    mkdirSync(join(here, 'to-sibling'));
    for (const name of ['outside/canary', 'outside/deep/canary', 'to-sibling/canary']) {
      writeFileSync(join(here, name), 'alive', { mode: 0o640 });
    }
    symlinkSync('canary', join(here, 'outside', 'link'));
    linkSync(join(here, 'outside', 'canary'), join(here, 'outside', 'second'));
    return here;
  });
}

for (const identity of IDENTITIES) {
  for (const { id, layers, refused } of CASES) {
    test(`as ${identity}: ${id}`, async () => {
      const here = await place(identity);
      const outside = join(here, 'outside');
      const before = [outside, join(here, 'to-sibling')].map((path) => snapshot(path));
      const archives = layers(outside).map((parts) => tarOf(...parts));
      const failure = await asIdentity(identity, () =>
        buildRootfs(layerInputs(...archives), join(here, 'to')).then(
          () => undefined,
          (error: unknown) => {
            if (error instanceof TsimgError) return error.code;
            throw error;
          },
        ),
      );
      assert.is(failure, refused);
      const after = [outside, join(here, 'to-sibling')].map((path) => snapshot(path));
      for (const [index, found] of after.entries()) assert.equal(differences(found, before[index] ?? new Map()), []);
      const expected = refused === undefined ? ['outside', 'to', 'to-sibling'] : ['outside', 'to-sibling'];
      assert.equal(readdirSync(here).sort(), expected);
      assert.equal(readdirSync(join(here, '..')), ['here']);
    });
  }
}

test.run();
