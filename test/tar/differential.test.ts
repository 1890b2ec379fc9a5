import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TarHeader } from '../../src/tar/header.ts';
import { encodeHeader } from '../../src/tar/write/encode.ts';
import { readWhole } from '../support/image/read-tar.ts';
import { tempDir } from '../support/temp-dir.ts';
import { findTool, haveRoot, haveTools } from '../support/tools.ts';

// Archives of other programs are read by tsimg and by tarfile of Python; both must read the same.

const test = suite('tar/differential');

function inTempDir<T>(action: (base: string) => T): T {
  return action(tempDir());
}

/** One line of JSON for each entry. Bytes are in hex, because names need not be UTF-8. */
const LISTING = `
import hashlib, json, sys, tarfile
def raw(text): return text.encode('utf-8', 'surrogateescape').hex()
kinds = {tarfile.LNKTYPE: 'hardlink', tarfile.SYMTYPE: 'symlink', tarfile.CHRTYPE: 'character-device',
         tarfile.BLKTYPE: 'block-device', tarfile.DIRTYPE: 'directory', tarfile.FIFOTYPE: 'fifo'}
with tarfile.open(sys.argv[1], 'r:', encoding='utf-8', errors='surrogateescape') as archive:
    for member in archive:
        kind = kinds.get(member.type, 'file')
        content = archive.extractfile(member).read() if kind == 'file' else b''
        device = kind.endswith('device')
        print(json.dumps({
            'kind': kind, 'path': raw(member.name), 'linkPath': raw(member.linkname) if kind.endswith('link') else '',
            'mode': member.mode & 0o7777, 'uid': member.uid, 'gid': member.gid, 'size': len(content),
            'mtime': member.pax_headers.get('mtime', str(int(member.mtime))),
            'devices': [member.devmajor, member.devminor] if device else [0, 0],
            'content': hashlib.sha256(content).hexdigest(),
            'xattrs': {raw(key[13:]): raw(value) for key, value in sorted(member.pax_headers.items())
                       if key.startswith('SCHILY.xattr.')},
        }))
`;

interface Listed {
  readonly kind: string;
  readonly path: string;
  readonly linkPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: string;
  readonly devices: readonly number[];
  readonly content: string;
  readonly xattrs: Readonly<Record<string, string>>;
}

function run(tool: string, args: readonly (string | Buffer)[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(findTool(tool) ?? tool, args.map(String), { cwd, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

const hex = (bytes: string) => Buffer.from(bytes, 'latin1').toString('hex');

/** Formats a time as PAX does, in the shortest form. */
function timeText(text: string): string {
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
}

function timeOf({ mtime: { seconds, nanoseconds } }: TarHeader): string {
  const total = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
  const size = total < 0n ? -total : total;
  return timeText(`${total < 0n ? '-' : ''}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, '0')}`);
}

function ours(archive: Buffer): Listed[] {
  return readWhole(archive, 7777).map(({ header, content }) => ({
    kind: header.kind,
    // Python drops the slash behind a directory
    path: hex(header.path.replace(/\/+$/, '')),
    linkPath: hex(header.linkPath),
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    size: header.size,
    mtime: timeOf(header),
    devices: [header.deviceMajor, header.deviceMinor],
    content: createHash('sha256').update(content).digest('hex'),
    xattrs: Object.fromEntries(
      [...header.xattrs]
        .map(([name, value]) => [hex(name), value.toString('hex')] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  }));
}

function pythons(path: string): Listed[] {
  const lines = run('python3', ['-c', LISTING, path], '/').split('\n').filter(Boolean);
  return lines.map((line) => {
    const entry: Listed = JSON.parse(line);
    return { ...entry, mtime: timeText(entry.mtime) };
  });
}

function compare(path: string): readonly Listed[] {
  const found = ours(readFileSync(path));
  assert.equal(found, pythons(path));
  assert.ok(found.length > 0);
  return found;
}

const CAPABILITY = '0x0100000200200000000000000000000000000000';
const isRoot = haveRoot();

/** Makes a tree that all formats can hold. */
function shortTree(base: string): void {
  const tree = join(base, 'tree');
  mkdirSync(join(tree, 'dir', 'empty'), { recursive: true });
  writeFileSync(join(tree, 'dir', 'file'), 'content\n'.repeat(1000));
  writeFileSync(join(tree, 'nothing'), '');
  writeFileSync(join(tree, 'block'), Buffer.alloc(512, 0x62));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0x6e, 0xff, 0xe9])]), 'no UTF-8');
  symlinkSync('../nothing', join(tree, 'dir', 'link'));
  linkSync(join(tree, 'dir', 'file'), join(tree, 'hard'));
  chmodSync(join(tree, 'nothing'), 0o4711);
  run('mkfifo', [join(tree, 'fifo')], base);
  utimesSync(join(tree, 'block'), 1_000_000_000, 1_000_000_000);
  if (isRoot) {
    chownSync(join(tree, 'block'), 12, 34);
    spawnSync('mknod', [join(tree, 'null'), 'c', '1', '3']);
  }
}

/** Makes a tree that only extensions can hold. */
function longTree(base: string): void {
  shortTree(base);
  const tree = join(base, 'tree');
  const deep = join(tree, ...Array.from({ length: 8 }, (_, index) => `${index}${'d'.repeat(40)}`));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'größe'), 'deep');
  symlinkSync('t'.repeat(180), join(deep, 'far'));
  linkSync(join(deep, 'größe'), join(tree, 'near'));
  run('touch', ['-d', '1969-12-31T23:59:58.25Z', join(tree, 'block')], base);
  run('touch', ['-d', '2004-05-06T07:08:09.123456789Z', join(tree, 'nothing')], base);
  if (isRoot) chownSync(join(tree, 'dir', 'file'), 3_000_000, 2_999_999);
}

const PLAIN = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7) & 0xff));

function sparseTree(base: string): void {
  const tree = join(base, 'tree');
  mkdirSync(tree);
  const hole = (name: string, size: number, data: readonly number[]) => {
    const file = openSync(join(tree, name), 'w');
    for (const offset of data) writeSync(file, PLAIN, 0, PLAIN.length, offset);
    ftruncateSync(file, size);
    closeSync(file);
  };
  hole('ends-in-hole', 3_000_000, [0, 1_000_000]);
  hole('begins-with-hole', 1_005_000, [1_000_000]);
  hole('all-hole', 2_000_000, []);
  hole(
    'many',
    6_000_000,
    Array.from({ length: 40 }, (_, index) => index * 150_000),
  );
  writeFileSync(join(tree, 'plain'), PLAIN);
}

/** Whether the temporary folder has attributes (tmpfs has them from Linux 6.6 on). */
function haveXattrs(): boolean {
  const path = join(tempDir(), 'file');
  writeFileSync(path, '');
  if (spawnSync('setfattr', ['-n', 'user.a', '-v', 'b', path]).status === 0) return true;
  console.log('skipped: needs extended attributes in the temporary folder');
  return false;
}

function xattrTree(base: string): void {
  const tree = join(base, 'tree');
  mkdirSync(join(tree, 'dir'), { recursive: true });
  writeFileSync(join(tree, 'ping'), 'x');
  run('setfattr', ['-n', 'user.bytes', '-v', '0x000a3dff0a3530', join(tree, 'ping')], base);
  run('setfattr', ['-n', 'user.text', '-v', 'hello', join(tree, 'dir')], base);
  if (isRoot) run('setfattr', ['-n', 'security.capability', '-v', CAPABILITY, join(tree, 'ping')], base);
}

const hasPython = haveTools('python3');

if (hasPython) {
  for (const format of ['v7', 'oldgnu', 'gnu', 'ustar', 'posix']) {
    test(`archives of GNU tar --format=${format} are read as Python reads them`, () =>
      inTempDir((base) => {
        // v7 has no fifos and devices: tar reports that and goes on
        shortTree(base);
        spawnSync('tar', [`--format=${format}`, '-cf', 'a.tar', 'tree'], { cwd: base });
        assert.ok(compare(join(base, 'a.tar')).length >= 7);
      }));
  }

  for (const format of ['oldgnu', 'gnu', 'posix']) {
    test(`long names, large IDs and odd times of GNU tar --format=${format} are read as Python reads them`, () =>
      inTempDir((base) => {
        longTree(base);
        run('tar', [`--format=${format}`, '-cf', 'a.tar', 'tree'], base);
        const found = compare(join(base, 'a.tar'));
        assert.ok(found.some(({ path }) => path.length > 600));
        if (format === 'posix') assert.ok(found.some(({ mtime }) => mtime === '-1.75'));
      }));
  }

  for (const args of [
    ['--format=oldgnu'],
    ['--format=gnu'],
    ['--format=posix', '--sparse-version=0.0'],
    ['--format=posix', '--sparse-version=0.1'],
    ['--format=posix', '--sparse-version=1.0'],
  ]) {
    test(`sparse files of GNU tar ${args.join(' ')} are read whole`, () =>
      inTempDir((base) => {
        sparseTree(base);
        run('tar', [...args, '--sparse', '-cf', 'a.tar', 'tree'], base);
        const archive = readFileSync(join(base, 'a.tar'));
        assert.ok(archive.length < 1_000_000, 'the archive is sparse');
        const found = compare(join(base, 'a.tar'));
        for (const { path, kind, content } of found) {
          if (kind !== 'file') continue;
          const original = readFileSync(join(base, Buffer.from(path, 'hex').toString()));
          assert.is(content, createHash('sha256').update(original).digest('hex'));
        }
        assert.is(found.length, 6);
      }));
  }

  test('GNU tar incremental archives are read as Python reads them', () =>
    inTempDir((base) => {
      shortTree(base);
      run('tar', ['--format=gnu', '-g', 'snapshot', '-V', 'label', '-cf', 'a.tar', 'tree'], base);
      const found = ours(readFileSync(join(base, 'a.tar')));
      const names = run('tar', ['-tf', 'a.tar', '--quoting-style=literal'], base);
      assert.is(found.length, names.split('\n').filter((name) => name.startsWith('tree')).length);
      assert.ok(found.some(({ kind }) => kind === 'directory'));
    }));

  test('archives of Python in its three formats are read as Python reads them', () =>
    inTempDir((base) => {
      longTree(base);
      const script = `
import sys, tarfile
for name, form in (('gnu', tarfile.GNU_FORMAT), ('pax', tarfile.PAX_FORMAT)):
    with tarfile.open(name + '.tar', 'w:', format=form) as archive: archive.add('tree')
`;
      run('python3', ['-c', script], base);
      for (const format of ['gnu', 'pax']) compare(join(base, `${format}.tar`));
    }));

  if (haveTools('bsdtar')) {
    for (const format of ['pax', 'gnutar', 'ustar', 'v7']) {
      test(`archives of bsdtar --format ${format} are read as Python reads them`, () =>
        inTempDir((base) => {
          if (format === 'pax' || format === 'gnutar') longTree(base);
          else shortTree(base);
          spawnSync('bsdtar', ['--format', format, '-cf', 'a.tar', 'tree'], { cwd: base });
          assert.ok(compare(join(base, 'a.tar')).length >= 7);
        }));
    }

    test('sparse files of bsdtar are read whole', () =>
      inTempDir((base) => {
        sparseTree(base);
        run('bsdtar', ['--format', 'pax', '-cf', 'a.tar', 'tree'], base);
        compare(join(base, 'a.tar'));
      }));
  }

  if (haveTools('setfattr') && haveXattrs()) {
    test('attributes of GNU tar are bytes', () =>
      inTempDir((base) => {
        xattrTree(base);
        run('tar', ['--format=posix', '--xattrs', '--xattrs-include=*', '-cf', 'a.tar', 'tree'], base);
        const ping = compare(join(base, 'a.tar')).find(({ path }) => path === hex('tree/ping'));
        assert.is(ping?.xattrs[hex('user.bytes')], '000a3dff0a3530');
        if (isRoot) assert.is(ping?.xattrs[hex('security.capability')], CAPABILITY.slice(2));
      }));

    if (haveTools('bsdtar')) {
      test('attributes of bsdtar are bytes', () =>
        inTempDir((base) => {
          xattrTree(base);
          run('bsdtar', ['--format', 'pax', '--xattrs', '-cf', 'a.tar', 'tree'], base);
          const ping = ours(readFileSync(join(base, 'a.tar'))).find(({ path }) => path === hex('tree/ping'));
          assert.is(ping?.xattrs[hex('user.bytes')], '000a3dff0a3530');
        }));
    }
  }

  test('archives of tar-stream are read as Python reads them', () =>
    inTempDir(async (base) => {
      const archive = pack();
      archive.entry({ name: 'd', type: 'directory', mtime: new Date(0) });
      archive.entry({ name: `${'n'.repeat(120)}/ü`, mtime: new Date(5000), mode: 0o640 }, 'hello');
      archive.entry({ name: 'l', type: 'symlink', linkname: 'd', mtime: new Date(0) });
      archive.finalize();
      writeFileSync(join(base, 'a.tar'), await buffer(archive));
      assert.is(compare(join(base, 'a.tar')).length, 3);
    }));

  test('archives of tsimg are read by Python as tsimg reads them', () =>
    inTempDir((base) => {
      longTree(base);
      run('tar', ['--format=posix', '-cf', 'a.tar', 'tree'], base);
      const whole = readWhole(readFileSync(join(base, 'a.tar')));
      const blocks = whole.flatMap(({ header, content }) => [
        encodeHeader({ ...header, xattrs: new Map([['user.a=b', Buffer.from([0x61, 0xff, 0x0a])]]) }),
        content,
        Buffer.alloc((512 - (content.length % 512)) % 512),
      ]);
      writeFileSync(join(base, 'b.tar'), Buffer.concat([...blocks, Buffer.alloc(1024)]));
      const listed = (path: string) => pythons(join(base, path)).map((entry) => ({ ...entry, xattrs: {} }));
      assert.equal(listed('b.tar'), listed('a.tar'));
      // and GNU tar finds no difference to the tree
      run('tar', ['--compare', '-f', 'b.tar'], base);
    }));
}

test.run();
