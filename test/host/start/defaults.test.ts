import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineRuns } from '../../support/container/define-runs.ts';
import { PROBE_SCRIPT, parseProbe, SECRET } from '../../support/container/isolation-probe.ts';

// The defaults of a container as its process sees them. docs/isolation.md compares them with other launchers.

const asRoot = suite('host/start/defaults as root');
const asUser = suite('host/start/defaults as an ordinary user');

const EVERYWHERE: Readonly<Record<string, string>> = {
  'bounding set': '00000000800405fb',
  effective: '00000000800405fb',
  inheritable: '0000000000000000',
  ambient: '0000000000000000',
  no_new_privs: '1',
  seccomp: '2',
  groups: '0',
  'signals ignored': '0000000000000000',
  'signals blocked': '0000000000000000',
  'mount /': 'nodev',
  'mount /proc': 'nosuid,nodev,noexec',
  'mount /sys': 'ro,nosuid,nodev,noexec',
  'mount /dev': 'nosuid',
  'mount /dev/pts': 'nosuid,noexec',
  'mount /dev/shm': 'nosuid,nodev,noexec',
  'mount /dev/mqueue': 'nosuid,nodev,noexec',
  'names in /dev': 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero',
  devices: 'full 1:7, null 1:3, random 1:8, tty 5:0, urandom 1:9, zero 1:5',
  'seen in /proc': '',
  'writable in /proc': '',
  'core dumps': '0',
  'open files': '1024',
  umask: '0022',
  'working directory': '/',
  'caller’s environment': 'none',
  descriptors: '0 1 2',
};

defineRuns(asRoot, asUser, (test, { sh, user }) => {
  const env = { [SECRET]: 'x' };
  const probed = sh(PROBE_SCRIPT, {}, { env, user }).then(({ stdout }) => parseProbe(stdout));

  for (const [name, value] of Object.entries(EVERYWHERE)) {
    test(`${name}: ${value || 'nothing'}`, async () => {
      assert.is((await probed).get(name), value);
    });
  }

  test('a container has namespaces of its own; for ordinary users, a user namespace too', async () => {
    const own = (await probed).get('namespaces of its own');
    assert.is(own, `mnt pid net ipc uts cgroup${user === undefined ? '' : ' user'}`);
  });

  test('a user other than root has no effective capability, its own group, and the same bounding set', async () => {
    const probe = parseProbe((await sh(PROBE_SCRIPT, { user: '7:8' }, { env, user })).stdout);
    assert.is(probe.get('effective'), '0000000000000000');
    assert.is(probe.get('bounding set'), '00000000800405fb');
    assert.is(probe.get('groups'), '8');
  });
});
asRoot.run();
asUser.run();
