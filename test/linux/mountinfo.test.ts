import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mountPoints } from '../../src/linux/mountinfo.ts';

const test = suite('linux/mountinfo');

test('the mount point is the fifth field, with its escapes undone', () => {
  const text =
    '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n' +
    '37 36 0:5 / /a\\040b\\134c\\011\\012 rw - tmpfs none rw\n';
  assert.equal(mountPoints(text), ['/mnt2', '/a b\\c\t\n']);
});

test('an empty text has none', () => {
  assert.equal(mountPoints(''), []);
});

test.run();
