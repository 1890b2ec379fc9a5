import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IdMap } from '../../../src/launch/launch-plan.ts';
import { shiftInside, shiftOutside } from '../../../src/verbs/helper/shift-ids.ts';

const test = suite('verbs/helper/shift-ids');

const extent = { inside: 0, outside: 500_000, count: 1000 };
const map: IdMap = { uids: [extent], gids: [{ ...extent, outside: 600_000 }], by: 'root' };

/** A list of access rules, each a tag, rights and an ID. */
function acl(...rules: readonly (readonly [number, number, number])[]): Buffer {
  const value = Buffer.alloc(4 + rules.length * 8);
  value.writeUInt32LE(2);
  for (const [index, [tag, rights, id]] of rules.entries()) {
    value.writeUInt16LE(tag, 4 + index * 8);
    value.writeUInt16LE(rights, 6 + index * 8);
    value.writeUInt32LE(id, 8 + index * 8);
  }
  return value;
}

const UNDEFINED_ID = 0xff_ff_ff_ff;

test('owners and rules of access change to the other side’s IDs and back', () => {
  const name = 'system.posix_acl_access';
  const inside = { uid: 7, gid: 8, xattrs: new Map([[name, acl([1, 6, UNDEFINED_ID], [2, 4, 9], [8, 4, 10])]]) };
  const outside = shiftOutside(map)(inside);
  assert.is(outside.uid, 500_007);
  assert.is(outside.gid, 600_008);
  assert.equal(outside.xattrs.get(name), acl([1, 6, UNDEFINED_ID], [2, 4, 500_009], [8, 4, 600_010]));
  assert.equal(shiftInside(map)(outside), inside);
});

test('an ID that the other side has not is 65534, and root’s in a container without that one', () => {
  const none = { uid: 1234, gid: 0, xattrs: new Map() };
  assert.equal(shiftInside(map)(none), { ...none, uid: 65_534, gid: 65_534 });
  assert.is(shiftOutside(map)(none).uid, 500_000);
});

test('capabilities are those of the container’s root, and others are left out', () => {
  const name = 'security.capability';
  const ofAll = Buffer.alloc(20);
  ofAll.writeUInt32LE(0x02_00_00_01);
  const header = (value: Buffer) => ({ uid: 0, gid: 0, xattrs: new Map([[name, value]]) });
  const stored = shiftOutside(map)(header(ofAll));
  assert.is(stored.xattrs.get(name)?.readUInt32LE(0), 0x03_00_00_01);
  assert.is(stored.xattrs.get(name)?.readUInt32LE(20), 500_000);
  assert.equal(shiftInside(map)(stored).xattrs.get(name), ofAll);
  assert.not.ok(shiftInside(map)(header(ofAll)).xattrs.has(name));
  const ofOther = Buffer.from(stored.xattrs.get(name) ?? []);
  ofOther.writeUInt32LE(500_001, 20);
  assert.not.ok(shiftInside(map)(header(ofOther)).xattrs.has(name));
});

test.run();
