import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { realAttributes, withoutOwner } from '../../../src/rootfs/fold/real-attributes.ts';
import type { Attributes } from '../../../src/rootfs/node.ts';

const test = suite('rootfs/fold/real-attributes');

const attributes = (mode: number, uid = 0, gid = 0, xattrs: Readonly<Record<string, string>> = {}): Attributes => ({
  mode,
  uid,
  gid,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: new Map(Object.entries(xattrs).map(([name, value]) => [name, Buffer.from(value)])),
});
const record = { ownership: 'record' } as const;
const hex = (value: Uint8Array | undefined) => Buffer.from(value ?? []).toString('hex');

test('root sets owner, mode and every xattr as they are', () => {
  const real = realAttributes(
    { kind: 'file', attributes: attributes(0o4000, 5, 6, { 'security.x': 'y' }) },
    { ownership: 'set' },
  );
  assert.equal([real.owner, real.mode, [...real.xattrs.keys()]], [{ uid: 5, gid: 6 }, 0o4000, ['security.x']]);
  assert.equal(real.tolerated, []);
});

test('an SELinux label of a layer is left out and counted, for root and for other users', () => {
  const labelled = attributes(0o644, 0, 0, { 'security.selinux': 'system_u:object_r:usr_t:s0', 'user.a': 'b' });
  for (const ownership of ['set', 'record'] as const) {
    const real = realAttributes({ kind: 'file', attributes: labelled }, { ownership });
    assert.equal([[...real.xattrs.keys()], real.tolerated], [['user.a'], ['selinux-labels']]);
  }
});

test('a symlink has no mode', () => {
  assert.is(realAttributes({ kind: 'symlink', attributes: attributes(0o777) }, { ownership: 'set' }).mode, undefined);
});

test("an owner is recorded in umoci's form, an ID of 0 as 2^32-1, root:root not at all", () => {
  const recorded = (uid: number, gid: number) =>
    hex(
      realAttributes({ kind: 'file', attributes: attributes(0o644, uid, gid) }, record).xattrs.get(
        'user.rootlesscontainers',
      ),
    );
  assert.is(recorded(0, 0), '');
  assert.is(recorded(5, 6), '08051006');
  assert.is(recorded(0, 5), '08ffffffff0f1005');
  assert.is(recorded(300, 0), '08ac0210ffffffff0f');
});

test('a mode that shuts its owner out is opened, and the intended mode recorded', () => {
  const directory = realAttributes({ kind: 'directory', attributes: attributes(0o1055) }, record);
  assert.is(directory.mode, 0o1755);
  assert.is(Buffer.from(directory.xattrs.get('user.tsimg.intended') ?? []).toString(), '01055');
  assert.is(realAttributes({ kind: 'file', attributes: attributes(0o111) }, record).mode, 0o711);
  assert.equal([...realAttributes({ kind: 'directory', attributes: attributes(0o755) }, record).xattrs.keys()], []);
});

test('setuid and setgid bits of the caller’s files are recorded, never set; those of directories are set', () => {
  const file = realAttributes({ kind: 'file', attributes: attributes(0o6755) }, record);
  assert.equal([file.mode, file.tolerated], [0o755, ['setuid']]);
  assert.is(Buffer.from(file.xattrs.get('user.tsimg.intended') ?? []).toString(), '06755');
  assert.is(realAttributes({ kind: 'file', attributes: attributes(0o1755) }, record).mode, 0o1755);
  const directory = realAttributes({ kind: 'directory', attributes: attributes(0o3775) }, record);
  assert.equal([directory.mode, directory.tolerated], [0o3775, []]);
});

test('a file whose owner the user namespace lacks goes to root without its setuid bits, and is recorded', () => {
  const meant = attributes(0o4755, 99_999, 7);
  const form = { ownership: 'set' } as const;
  const real = withoutOwner(realAttributes({ kind: 'file', attributes: meant }, form), {
    kind: 'file',
    attributes: meant,
  });
  assert.equal([real.owner, real.mode], [{ uid: 0, gid: 0 }, 0o755]);
  assert.is(hex(real.xattrs.get('user.rootlesscontainers')), '089f8d061007');
  assert.is(Buffer.from(real.xattrs.get('user.tsimg.intended') ?? []).toString(), '04755');
});

test('a file that cannot have a record is counted all the same', () => {
  const link = realAttributes({ kind: 'symlink', attributes: attributes(0o777, 5) }, record);
  assert.equal([[...link.xattrs.keys()], link.tolerated], [[], ['owners']]);
});

test('an image cannot forge a record', () => {
  const forged = attributes(0o644, 0, 0, { 'user.rootlesscontainers': 'x', 'user.tsimg.intended': 'y', 'user.z': 'z' });
  assert.equal([...realAttributes({ kind: 'file', attributes: forged }, record).xattrs.keys()], ['user.z']);
});

test('an image cannot speak to overlayfs through a layer in overlay form', () => {
  const hostile = attributes(0o755, 0, 0, { 'trusted.overlay.redirect': '/x', 'user.overlay.opaque': 'y' });
  const real = realAttributes({ kind: 'directory', attributes: hostile }, { ownership: 'set', overlay: 'trusted' });
  assert.equal([[...real.xattrs.keys()], real.tolerated], [['user.overlay.opaque'], ['overlay-attributes']]);
});

test.run();
