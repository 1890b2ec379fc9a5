import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineRuns } from '../support/define-runs.ts';
import { haveTools } from '../support/tools.ts';

/** The host's own system, read-only, so that its Python can ask the kernel what busybox cannot. */
const SYSTEM = ['/usr', '/lib', '/lib64', '/etc/alternatives']
  .filter((path) => existsSync(path))
  .map((path) => `${path}:${path}:ro`);

const SCRIPT = `
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    ctypes.set_errno(0)
    libc.syscall(*[ctypes.c_long(each) for each in args])
    return errno.errorcode.get(ctypes.get_errno(), 'ok')
x64 = os.uname().machine == 'x86_64'
print('unshare', call(272 if x64 else 97, 0x10000000))
print('clone3', call(435, 0, 0))
print('keyctl', call(250 if x64 else 219, 0, 0))
print('io_uring_setup', call(425, 1, 0))
print('vsock', call(41 if x64 else 198, 40, 1, 0))
print('unknown', call(5000))
print('TIOCSTI', call(16 if x64 else 29, 0, 0x5412, 0))
print('thread', __import__('threading').Thread(target=lambda: None).start() or 'ok')
`;

const asRoot = suite('host/seccomp as root');
const asUser = suite('host/seccomp as an ordinary user');

defineRuns(asRoot, asUser, (test, { sh }) => {
  if (!haveTools('python3')) return;
  test('docker’s default filter is on, and answers as it should', async () => {
    const { stdout, stderr } = await sh('', {
      command: ['/usr/bin/python3', '-I', '-c', SCRIPT],
      volumes: SYSTEM,
    });
    assert.equal(
      stdout.trim().split('\n'),
      [
        'unshare EPERM',
        'clone3 ENOSYS',
        'keyctl EPERM',
        'io_uring_setup EPERM',
        'vsock EPERM',
        'unknown ENOSYS',
        'TIOCSTI EPERM',
        'thread ok',
      ],
      stderr,
    );
  });

  test('one filter is on for every process', async () => {
    assert.is((await sh('grep ^Seccomp: /proc/self/status')).stdout, 'Seccomp:\t2\n');
  });

  test('a container’s root user cannot mount, not even in namespaces of its own', async () => {
    assert.not.equal((await sh('busybox mount -t tmpfs none /bin')).status, 0);
    assert.not.equal((await sh('busybox unshare -U true')).status, 0);
  });
});
asRoot.run();
asUser.run();
