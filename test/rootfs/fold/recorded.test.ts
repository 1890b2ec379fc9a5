import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseIntended } from '../../../src/rootfs/fold/intended.ts';
import { realAttributes } from '../../../src/rootfs/fold/real-attributes.ts';
import { recordedAttributes, withoutOverlayXattrs } from '../../../src/rootfs/fold/recorded.ts';
import { decodeRootlessOwner, encodeRootlessOwner } from '../../../src/rootfs/fold/rootless-owner.ts';
import type { Attributes } from '../../../src/rootfs/node.ts';

const test = suite('rootfs/fold/recorded');

const attributes = (mode: number, uid = 0, gid = 0): Attributes => {
  return { mode, uid, gid, mtime: { seconds: 1, nanoseconds: 2 }, xattrs: new Map([['user.own', Buffer.from('x')]]) };
};

test('the records of an ordinary user give the intended attributes', () => {
  for (const kind of ['file', 'directory'] as const) {
    for (const meant of [
      attributes(0o644),
      attributes(0o4755, 5, 6),
      attributes(0, 0, 7),
      attributes(0o500, 0xfffffffe),
    ]) {
      const { mode = 0, mtime, xattrs } = realAttributes({ kind, attributes: meant }, { ownership: 'record' });
      const read = recordedAttributes({ mode, uid: 0, gid: 0, mtime, xattrs }, kind);
      assert.equal(read, { attributes: meant, device: undefined });
    }
  }
});

test('a mode that was changed since wins over the record, and the record of a device gives a device', () => {
  const standsFor = { kind: 'block-device', major: 8, minor: 1 } as const;
  const { mtime, xattrs } = realAttributes(
    { kind: 'file', attributes: attributes(0o660), standsFor },
    { ownership: 'record' },
  );
  const read = recordedAttributes({ mode: 0o777, uid: 0, gid: 0, mtime, xattrs }, 'file');
  assert.is(read.attributes.mode, 0o777);
  assert.equal(read.device, standsFor);
});

test('a file without records keeps its attributes', () => {
  const plain = attributes(0o640, 3, 4);
  assert.equal(recordedAttributes(plain, 'file'), { attributes: plain, device: undefined });
});

test('other text in the place of a record is ignored', () => {
  assert.equal(decodeRootlessOwner(encodeRootlessOwner(0, 70000) ?? new Uint8Array()), { uid: 0, gid: 70000 });
  for (const bytes of [[0x08], [0x18, 1], [0x08, 0xff, 0xff, 0xff, 0xff, 0xff], [0x08, 0xff, 0xff, 0xff, 0xff, 0x7f]]) {
    assert.is(decodeRootlessOwner(Uint8Array.from(bytes)), undefined);
  }
  for (const text of ['', '644', '0999', '0644 x 1 2', '0644 b 1', '0644\n']) assert.is(parseIntended(text), undefined);
});

test('the container does not see overlayfs’ own xattrs, but sees its own with such a name', () => {
  const xattrs = new Map([
    ['user.overlay.opaque', Buffer.from('y')],
    ['user.overlay.overlay.opaque', Buffer.from('own')],
    ['trusted.overlay.opaque', Buffer.from('z')],
  ]);
  assert.equal([...withoutOverlayXattrs(xattrs, 'user').keys()], ['user.overlay.opaque', 'trusted.overlay.opaque']);
});

test.run();
