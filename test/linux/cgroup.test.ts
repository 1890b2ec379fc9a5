import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  cgroupDirectory,
  membershipIn,
  parseCgroupMounts,
  parseFlatKeyed,
  parseMemberships,
} from '../../src/linux/cgroup.ts';

const test = suite('linux/cgroup');

const MOUNTINFO = `23 1 8:1 / / rw - ext4 /dev/sda1 rw
30 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
32 30 0:30 /docker/abc /sys/fs/cgroup/my\\040memory ro - cgroup cgroup rw,memory
33 30 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
`;

test('the mounts of both versions are found, with optional fields and escaped names', () => {
  const mounts = parseCgroupMounts(MOUNTINFO);
  assert.equal(
    mounts.map(({ version, mountPoint, root }) => [version, mountPoint, root]),
    [
      [1, '/sys/fs/cgroup/cpu,cpuacct', '/'],
      [1, '/sys/fs/cgroup/my memory', '/docker/abc'],
      [1, '/sys/fs/cgroup/systemd', '/'],
      [2, '/sys/fs/cgroup/unified', '/'],
    ],
  );
});

test('a process’s cgroup is found in the hierarchy of a mount, and malformed lines are skipped', () => {
  const memberships = parseMemberships(
    '5:cpu,cpuacct:/a\n4:memory:/docker/abc/b\n1:name=systemd:/s\n0::/u:v\nnonsense\n',
  );
  assert.is(memberships.length, 4);
  const found = parseCgroupMounts(MOUNTINFO).map((mount) => membershipIn(mount, memberships)?.path);
  assert.equal(found, ['/a', '/docker/abc/b', '/s', '/u:v']);
});

test('a cgroup that a mount does not show has no directory', () => {
  const mount = { version: 1, mountPoint: '/m', root: '/docker/abc', options: [] } as const;
  assert.is(cgroupDirectory(mount, '/docker/abc/b'), '/m/b');
  assert.is(cgroupDirectory(mount, '/docker/abc'), '/m');
  assert.is(cgroupDirectory(mount, '/docker/abcd'), undefined);
  assert.is(cgroupDirectory({ ...mount, root: '/' }, '/'), '/m');
  assert.is(cgroupDirectory({ ...mount, root: '/' }, '/../other'), undefined);
});

test('lines of a key and a number are read, others skipped', () => {
  assert.equal(
    [...parseFlatKeyed('oom_kill_disable 0\noom_kill 3\nlow\nmax max\n')],
    [
      ['oom_kill_disable', 0],
      ['oom_kill', 3],
    ],
  );
});

test.run();
