import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli } from '../../support/command/container-cli.ts';
import type { LoggedCall, LoggedRequest } from '../../support/command/log-requests.ts';
import { BUILT } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

// The requests to stubs while a container is made and entered: rules for their order.

const LOG = join(import.meta.dirname, '..', '..', 'support', 'command', 'log-requests.js');

const PRCTL: Readonly<Record<string, string>> = {
  1: 'die-with-parent',
  4: 'dumpable',
  8: 'keep-capabilities',
  24: 'drop-bounding',
  28: 'securebits',
  38: 'no-new-privileges',
  47: 'clear-ambient',
};
const CLOSE_ON_EXEC = '4';
/** Calls that give a stub a descriptor. */
const OPENING = 'openat openat2 open_tree socket socketpair pipe2 pidfd_open dup3 memfd_create'.split(' ');
/** The wait for a child's end, whose answer comes by a pipe, and the reaping. */
const WAITING = 'pipe2 sendmsg close fcntl waitid fcntl close waitid'.split(' ');
/** Calls after which the kernel resets whether a process is dumpable. */
const NEW_IDS = 'setresuid setresgid setfsuid setfsgid'.split(' ');

/** A call in a trace: its name, and its kind where that matters. */
function word({ name, args: [first = '', second = '', third = ''] }: LoggedCall): string {
  if (name === 'prctl') return PRCTL[first] === 'dumpable' ? `dumpable=${second}` : (PRCTL[first] ?? `prctl ${first}`);
  if (name === 'close_range') return third === CLOSE_ON_EXEC ? 'close-on-exec' : 'close-all';
  return name;
}

/** Drops repeated neighbours. */
function trace(calls: readonly LoggedCall[]): readonly string[] {
  return calls.map(word).filter((each, index, all) => each !== all[index - 1]);
}

/** The last calls before a stub becomes the command: those that drop rights, in this order. */
const LOSS = 'setgroups keep-capabilities setresgid setresuid dumpable=0 clear-ambient capset no-new-privileges'.split(
  ' ',
);

/** Checks all calls of a stub that becomes a command. */
function checkBecoming(calls: readonly LoggedCall[], lastIds: readonly LoggedCall[]): void {
  const words = calls.map(word);
  const execve = words.lastIndexOf('execve');
  assert.ok(execve >= 0, 'it becomes the command');
  // From here on only descriptors 0 to 2 stay open, and none is opened.
  const closed = words.lastIndexOf('close-on-exec', execve);
  assert.ok(closed >= 0 && calls[closed]?.args[0] === '3', 'all from 3 on are closed by execve');
  assert.equal(
    words.slice(closed, execve).filter((each) => OPENING.includes(each)),
    [],
  );
  // Whether other processes may trace it.
  assert.not(words.includes('dumpable=1'), 'it is never shown');
  const losing = lastIds.map(word);
  const capset = losing.lastIndexOf('capset');
  const ids = losing.findLastIndex((each) => NEW_IDS.includes(each));
  const hidden = losing.lastIndexOf('dumpable=0', capset);
  assert.ok(ids < hidden && hidden < capset, 'it is hidden after the last change of IDs, before rights are lost');
  assert.is(losing.indexOf('dumpable=1', hidden), -1);
}

const asRoot = suite('host/start/stub-trace as root');
const asUser = suite('host/start/stub-trace as an ordinary user');

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  const cli = makeContainerCli(user);
  test.after(() => cli.clear());

  /** The calls of each stub of a command, in the order of their starts. */
  const requestsOf = (...args: readonly string[]): readonly (readonly LoggedRequest[])[] => {
    const log = join(tempDir(0o755), 'requests');
    writeFileSync(log, '');
    chmodSync(log, 0o666);
    const env = { PATH: process.env.PATH, TSIMG_ROOT: join(cli.folder, '..'), TSIMG_TEST_REQUESTS: log };
    const { status, stderr } = spawnSync(process.execPath, ['--import', LOG, BUILT, ...args], {
      encoding: 'utf8',
      env,
      cwd: '/',
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    assert.is(status, 0, stderr);
    const requests = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): LoggedRequest => JSON.parse(line));
    return [...new Set(requests.map(({ stub }) => stub))].map((stub) => requests.filter((each) => each.stub === stub));
  };
  const callsOf = (requests: readonly LoggedRequest[]) => requests.flatMap(({ calls }) => calls);

  test('run: a stub makes namespaces; its child prepares the container and drops its rights last', () => {
    const stubs = requestsOf('run', '--rm', '--network', 'none', freshRootfs(), '/bin/true');
    assert.is(stubs.length, 2);
    const [outer = [], inner = []] = stubs.map(callsOf);
    // It is dumpable for newuidmap, alone in its user namespace.
    const shown = ['unshare', 'dumpable=1', 'dumpable=0'];
    const mapped = user === undefined ? [] : [...shown, 'setresgid', 'setresuid', 'dumpable=0'];
    assert.equal(trace(outer), [
      'die-with-parent',
      'close-all',
      'chdir',
      ...mapped,
      'unshare',
      'die-with-parent',
      'socketpair',
      'sendmsg',
      'close',
      'clone',
      'close',
      ...WAITING,
    ]);
    checkBecoming(inner, inner);
    const words = trace(inner);
    const pivot = words.indexOf('pivot_root');
    const end = words.slice(words.indexOf('setsid', pivot));
    assert.equal(end.slice(end.indexOf('keyctl')), [
      'keyctl',
      'umask',
      'drop-bounding',
      ...LOSS,
      'die-with-parent',
      'rt_sigaction',
      'rt_sigprocmask',
      'close-on-exec',
      'statx',
      'seccomp',
      'execve',
    ]);
    // The old root is unmounted before a file of the image is read.
    assert.equal(words.slice(pivot, pivot + 3), ['pivot_root', 'umount2', 'chdir']);
    // The filter may forbid the calls by which a stub takes requests, so it is in one request with execve.
    assert.equal(stubs[1]?.at(-1)?.calls.map(word), ['seccomp', 'execve']);
  });

  test('run: the same holds with a terminal, a user and more capabilities', () => {
    const options = ['-t', '-u', '7:8', '--cap-add', 'SYS_PTRACE', '--security-opt', 'no-new-privileges=false'];
    const [, inner = []] = requestsOf('run', '--rm', '--network', 'none', ...options, freshRootfs(), '/bin/true');
    const calls = callsOf(inner);
    checkBecoming(calls, calls);
    // Without no_new_privs the filter needs SYS_ADMIN, which is dropped after it.
    assert.equal(inner.at(-1)?.calls.map(word), ['seccomp', 'capset', 'execve']);
  });

  test('exec: the stub drops its rights before it forks the child, which becomes the command', () => {
    cli.ok('run', '-d', '--name', 'traced', '--network', 'none', freshRootfs(), '/bin/sleep', '1000');
    const stubs = requestsOf('exec', 'traced', '/bin/true');
    assert.is(stubs.length, 2);
    const [outer = [], inner = []] = stubs.map(callsOf);
    checkBecoming(inner, outer);
    const words = trace(outer);
    assert.not(words.includes('dumpable=1'));
    assert.equal(words.slice(words.indexOf('keyctl')), [
      'keyctl',
      'umask',
      'rt_sigaction',
      'rt_sigprocmask',
      'no-new-privileges',
      'seccomp',
      'drop-bounding',
      ...LOSS,
      'die-with-parent',
      'close',
      'close-all',
      'clone',
      'close',
      ...WAITING,
    ]);
    assert.equal(trace(inner), ['close', 'die-with-parent', 'setsid', 'dup3', 'close-on-exec', 'statx', 'execve']);
  });
});
asRoot.run();
asUser.run();
