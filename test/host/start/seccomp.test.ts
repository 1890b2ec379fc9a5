import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineRuns } from '../../support/container/define-runs.ts';
import { haveTools } from '../../support/tools.ts';

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
def by_socketcall(family):
    # As a 32-bit program has it: socketcall(SYS_SOCKET, { family, SOCK_DGRAM, 0 }) by interrupt 128.
    import mmap, struct
    memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, prot=7)
    at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    memory[2048:2060] = struct.pack('<III', family, 2, 0)
    code = b'\\x53\\xb8\\x66\\0\\0\\0\\xbb\\x01\\0\\0\\0\\xb9' + struct.pack('<I', at + 2048) + b'\\xcd\\x80\\x5b\\xc3'
    memory[:len(code)] = code
    child = os.fork()
    if child == 0: os._exit(min(0, ctypes.CFUNCTYPE(ctypes.c_int)(at)()) & 255)
    status = os.waitpid(child, 0)[1]
    # Without 32-bit programs the interrupt kills.
    if os.WIFEXITED(status) and status:
        return errno.errorcode[256 - os.WEXITSTATUS(status)]
    return 'none' if status else 'ok'
print('socketcall', *[by_socketcall(family) if x64 else 'none' for family in (2, 38, 40)])
print('TIOCSTI', call(16 if x64 else 29, 0, 0x5412, 0))
print('thread', __import__('threading').Thread(target=lambda: None).start() or 'ok')
`;

const asRoot = suite('host/start/seccomp as root');
const asUser = suite('host/start/seccomp as an ordinary user');

defineRuns(asRoot, asUser, (test, { sh }) => {
  if (!haveTools('python3')) return;
  test('docker’s default filter is installed, and returns its errors', async () => {
    const { stdout, stderr } = await sh('', {
      command: ['/usr/bin/python3', '-I', '-c', SCRIPT],
      volumes: SYSTEM,
    });
    assert.equal(
      // A kernel without 32-bit programs has no such calls to deny.
      stdout.replace('none none none', 'ENOSYS ENOSYS ENOSYS').trim().split('\n'),
      [
        'unshare EPERM',
        'clone3 ENOSYS',
        'keyctl EPERM',
        'io_uring_setup EPERM',
        'vsock EPERM',
        'unknown ENOSYS',
        'socketcall ENOSYS ENOSYS ENOSYS',
        'TIOCSTI EPERM',
        'thread ok',
      ],
      stderr,
    );
  });

  test('every process has exactly one filter', async () => {
    assert.is((await sh('grep ^Seccomp: /proc/self/status')).stdout, 'Seccomp:\t2\n');
  });

  test('a container’s root user cannot mount, not even in namespaces of its own', async () => {
    assert.not.equal((await sh('busybox mount -t tmpfs none /bin')).status, 0);
    assert.not.equal((await sh('busybox unshare -U true')).status, 0);
  });
});
asRoot.run();
asUser.run();
