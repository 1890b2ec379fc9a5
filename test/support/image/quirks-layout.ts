import { join } from 'node:path';
import { type ImageParts, makeImage } from './image.ts';
import { named, writeLayout } from './layout.ts';
import { charDevice, dir, fifo, file, hardlink, opaque, symlink, tarOf, whiteout } from './tar.ts';

const LONG = `deep/${'long-name-'.repeat(12)}`;

/**
 * Layers with all that a root filesystem can have, base first. Every directory is described, so that tools agree on
 * times.
 */
export const QUIRK_LAYERS: readonly Buffer[] = [
  tarOf(
    dir('.', { mode: 0o751, mtime: 9 }),
    dir('etc', { mtime: 10 }),
    file('etc/passwd', 'root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n', { mtime: 1_700_000_000 }),
    file('etc/group', 'root:x:0:\napp:x:1001:\nextra:x:77:app\n', { mtime: '1700000000.123456789' }),
    file('etc/su', 'code', { mode: 0o4755, uid: 1, gid: 2, mtime: 11 }),
    hardlink('etc/su-twin', 'etc/su'),
    symlink('etc/link', '../../etc//passwd', { uid: 5, mtime: 11 }),
    dir('data', { mtime: 12 }),
    file('data/gone', 'x'.repeat(100_000)),
    file('data/named', 'x', {
      mode: 0,
      mtime: '-1.5',
      xattrs: {
        'user.a': 'b=c',
        'security.capability': Buffer.from('0100000200040000000000000000000000000000', 'hex'),
      },
    }),
    dir('hidden', { mtime: 12 }),
    file('hidden/lower', 'below'),
    dir('dev', { mtime: 13 }),
    charDevice('dev/null', 1, 3, { mode: 0o666, mtime: 15 }),
    fifo('dev/pipe', { mode: 0o600, mtime: 16 }),
    dir('deep', { mode: 0o1777, mtime: 17 }),
    file(LONG, 'y'.repeat(70_000), { mtime: 18 }),
  ),
  tarOf(
    whiteout('data/gone'),
    dir('data', { mtime: 22 }),
    hardlink('data/su', 'etc/su'),
    file('data/empty', '', { uid: 3000, gid: 4000, mtime: 23 }),
    dir('hidden', { mtime: 24, mode: 0o2750, gid: 9 }),
    opaque('hidden'),
    file('hidden/upper', 'above', { mtime: 25 }),
    dir('etc', { mtime: 26 }),
    file('etc/caf\u00e9', 'utf-8', { mtime: 27 }),
    dir('dev', { mtime: 28 }),
    dir('deep', { mode: 0o1777, mtime: 29 }),
  ),
];

/** An OCI layout of these layers in a directory, as SOURCE. */
export function quirksLayout(here: string, parts: ImageParts = {}): string {
  const made = makeImage({
    layers: QUIRK_LAYERS,
    gzip: true,
    platform: { os: 'linux', architecture: hostArchitecture() },
    ...parts,
  });
  const path = join(here, 'layout');
  writeLayout(path, [named(made.descriptor, 'x')], made.blobs);
  return `oci:${path}:x`;
}

function hostArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
