import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../support/checkout.ts';
import { makeContainerCli } from '../support/command/container-cli.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { LOOP_CONTENT, makeLoopDevice } from '../support/host/loop-device.ts';

// The list of devices as a BPF program, for cgroups of version 2. The kernel is slow, so these tests are few and large.
// All others are in test/host/cgroup/devices.test.ts. Run on a kernel of its own by
// test/host/cgroup/cgroup2.test.ts.

const asRoot = suite('machine/devices');
const asUser = suite('machine/devices as an ordinary user');
const BOX = '/bin/busybox';

/**
 * A program for a container with all capabilities: it tries to detach all BPF programs from the root cgroup that it
 * sees. Prints how many programs it could open, and how many it detached. bpf(2): 11 and 13 return the next program's
 * number and descriptor; 9 detaches.
 */
const DETACH = `
const func = require('${ROOT}/node_modules/koffi').load('libc.so.6').func('long syscall(long, long, uint8_t *, long)');
const call = (command, ...words) => {
  const attributes = Buffer.alloc(16);
  words.forEach((word, index) => attributes.writeUInt32LE(word, index * 4));
  return [Number(func(321, command, attributes, attributes.length)), attributes];
};
const cgroup = require('fs').openSync('/sys/fs/cgroup', 'r');
let [id, found, detached] = [0, 0, 0];
for (;;) {
  const [result, attributes] = call(11, id);
  if (result < 0) break;
  id = attributes.readUInt32LE(4);
  const [program] = call(13, id);
  if (program < 0) continue;
  found += 1;
  if (call(9, cgroup, program, 6, 0)[0] === 0) detached += 1;
}
console.log(found > 0, detached);
`;

defineRuns(asRoot, asUser, (test, { sh, user, freshRootfs }) => {
  if (user !== undefined) return;
  const disk = makeLoopDevice();
  const read = (path: string) => `head -c ${LOOP_CONTENT.length} ${path} 2>&1`;
  const make = `${BOX} mknod /dev/disk b ${disk.major} ${disk.minor}`;
  const cli = makeContainerCli(user);
  test.after(() => {
    cli.clear();
    disk.remove();
  });

  test('no new or mounted device file opens a disk; null, zero and random open', async () => {
    const script = [
      `${make} && echo made; ${read('/dev/disk')}`,
      `${BOX} mkdir /dev/host; ${BOX} mount -t devtmpfs host /dev/host; ${read(`/dev/host/${disk.path.slice(5)}`)}`,
      'echo x > /dev/null; head -c 1 /dev/zero | wc -c; head -c 1 /dev/urandom | wc -c',
    ].join('\n');
    const { stdout } = await sh(script, { capAdd: ['MKNOD', 'SYS_ADMIN'] });
    const denied = 'Operation not permitted';
    assert.match(stdout, new RegExp(`^made\n.*/dev/disk: ${denied}\n.*/dev/host/.*: ${denied}\n1\n1\n$`));
  });

  test('requested devices open, with the requested access only', async () => {
    const use = (path: string) => `${read(path)}; echo; echo x > ${path}`;
    const script = `${make}; ${use('/dev/disk')}; ${use('/dev/given')}`;
    const { stdout, stderr } = await sh(script, {
      capAdd: ['MKNOD'],
      deviceRules: [`b ${disk.major}:${disk.minor} r`],
      devices: [`${disk.path}:/dev/given:r`],
    });
    assert.is(stdout, `${LOOP_CONTENT}\n${LOOP_CONTENT}\n`);
    assert.is(stderr.match(/Operation not permitted/g)?.length, 2, stderr);
  });

  test('a container with all capabilities cannot remove its list of devices, nor can exec', () => {
    const id = cli.ok(
      ...['run', '-d', '--name', 'all', '--network', 'none', '--cap-add', 'ALL'],
      ...['/app', '/lib', '/lib64', '/usr'].flatMap((path) => ['-v', `${path}:${path}:ro`]),
      ...[freshRootfs(), '/bin/busybox', 'sleep', '1000'],
    );
    const group = readFileSync(`/proc/${cli.field('all', '.State.Pid')}/cgroup`, 'latin1');
    assert.is(group, `0::/tsimg/${id}/container\n`);
    assert.is(cli.ok('exec', 'all', process.execPath, '-e', DETACH), 'true 0');
    const { stdout } = cli.run(
      'exec',
      '--privileged',
      'all',
      BOX,
      'sh',
      '-c',
      `${make} && echo made; ${BOX} ${read('/dev/disk')}`,
    );
    assert.match(stdout, /^made\n.*Operation not permitted\n$/);
  });
});

asRoot.run();
asUser.run();
