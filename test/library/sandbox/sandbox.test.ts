import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readLines } from '../../../src/host/stdio/read-messages.ts';
import * as sandbox from '../../../src/sandbox.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import type { SandboxProgram } from '../../support/container/sandbox-program.ts';
import { becomeWords } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('library/sandbox as root');
const asUser = suite('library/sandbox as an ordinary user');
const PROGRAM = join(import.meta.dirname, '../../support/container/sandbox-program.js');
const NO_CAPABILITY = '0000000000000000';

asRoot('the values that tsimg/sandbox exports are these; a change is a change for users', () => {
  assert.equal(Object.keys(sandbox).sort(), ['createSandbox', 'createSandboxPool']);
});

defineRuns(asRoot, asUser, (test, { user }) => {
  const source = makeBusyboxRootfs(tempDir(0o777));
  const root = tempDir(0o700);
  chmodSync(source, 0o755);
  if (user !== undefined) for (const path of [source, root]) chownSync(path, user.uid, user.gid);
  const startMany = () => {
    const asked: SandboxProgram = { source, options: { root, weakLimits: user !== undefined } };
    const [program = '', ...args] = [...becomeWords(user), process.execPath, PROGRAM, JSON.stringify(asked)];
    const env = { PATH: process.env.PATH, HOME: '/nonexistent' };
    const child = spawn(program, args, { env, cwd: '/', timeout: 240_000 });
    const told = readLines(child.stdout);
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    return { child, told, stderr: () => stderr, ended: once(child, 'close') };
  };
  let many: ReturnType<typeof startMany> | undefined;
  test.after(async () => {
    many?.child.stdin.end();
    await many?.ended;
  });
  /** What a scenario finds, in a program that acts as one after the other: each would load the library again. */
  const run = async (scenario: string) => {
    many ??= startMany();
    many.child.stdin.write(`${scenario}\n`);
    const { value = '', done } = await many.told.next();
    if (done) await many.ended;
    assert.equal([done, many.stderr()], [false, ''], `${scenario}: ${value}`);
    return JSON.parse(value);
  };

  test('a sandbox has no capability, no network, no way to write but /sandbox and /tmp, and IDs of its own', async () => {
    const found = await run('inside');
    assert.equal(found.status, [
      ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => `${name}: ${NO_CAPABILITY}`),
      'NoNewPrivs: 1',
      'Seccomp: 2',
    ]);
    assert.equal([found.id, found.isMapped, found.network, found.writable], ['0', true, ['lo'], 'none']);
    assert.equal(found.environment, ['HOME=/sandbox', 'HOSTNAME=sandbox', 'PWD=/sandbox', 'SHLVL=1', 'TMPDIR=/tmp']);
    assert.equal([found.place, found.host, found.mount !== 0], ['/sandbox', 'sandbox', true]);
    assert.is(found.watches, '16\n0');
    assert.ok(found.processes <= 4, String(found.processes));
  });

  test('files stay from run to run, processes do not; snapshots and forks have copies', async () => {
    assert.equal(await run('files'), {
      out: 'given',
      bytes: [0, 255],
      names: ['directory a', 'file out'],
      sleeping: '0',
      ran: 'ran',
      restored: ['givena', 'out'],
      forked: ['changed', 'a', 'more', 'out'],
      apart: 'FILESYSTEM',
      dropped: 'USAGE',
      none: 'USAGE',
      input: 'to stdin',
      inTmp: '/tmp\n1\n',
    });
  });

  test('no path and no link leads a reader or a writer out of /sandbox and /tmp', async () => {
    const found = await run('escapes');
    const { inside, outside, hostHasIt, large, many, mistakes, named, ...refused } = found;
    assert.equal([inside, outside, hostHasIt], ['fine\n', ['USAGE', 'USAGE', 'USAGE'], false]);
    assert.equal([large, many], ['LIMIT_EXCEEDED', 'LIMIT_EXCEEDED']);
    assert.equal(mistakes, ['USAGE', 'USAGE', 'USAGE']);
    assert.equal(named, ['', 'file bad\uFFFD']);
    const { writeThrough, ...others } = refused;
    assert.equal(new Set(Object.values(others)), new Set(['FILESYSTEM']), JSON.stringify(others));
    // The link to / leads to the top of the kept files, which is no place that the sandbox sees.
    assert.ok(['FILESYSTEM', 'no error'].includes(writeThrough));
  });

  test('copies end after their time, with a signal and at paths that are too long, and leave nothing', async () => {
    assert.equal(await run('copies'), {
      late: ['LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'],
      aborted: [true, true],
      deep: ['LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'],
      refused: 'RangeError: enough',
      after: ['a', 'kept'],
      mistake: 'USAGE',
      snapshots: ['1'],
      closing: 'CONTAINER_STATE',
      left: [],
    });
  });

  test('what a sandbox watches is bounded, and all of root’s together leave it half of what it may watch', async () => {
    const { skipped, granted, most } = await run('watches');
    if (skipped !== undefined) return console.log(`skipped: ${skipped}`);
    const total: number = granted.reduce((sum: number, each: number) => sum + each, 0);
    assert.ok(
      granted.every((each: number) => each <= 16),
      String(granted),
    );
    assert.ok(total > 0, String(granted));
    if (user === undefined) assert.ok(total <= most / 2, String(granted));
  });

  test('every limit is kept, and the sandbox goes on after each', async () => {
    const found = await run('limits');
    const byCgroup = { memory: 'cgroup', cpus: 'cgroup', pids: 'cgroup' };
    assert.equal(found.held, user === undefined ? byCgroup : { memory: 'process', cpus: 'none', pids: 'user' });
    assert.equal(found.timed, [true, 137, 'SIGKILL']);
    assert.equal(found.flood, [true, 1000]);
    assert.equal([found.forks, found.disk, found.full], [true, [true, true, true], 'LIMIT_EXCEEDED']);
    assert.equal(found.memory, [true, user === undefined]);
    assert.equal([found.aborted, found.after], [true, 'lives\n']);
  });

  test('mistakes are told by their codes, and a closed sandbox by one of its own', async () => {
    assert.equal(await run('errors'), {
      command: 'COMMAND_NOT_FOUND',
      empty: 'USAGE',
      workdir: 'USAGE',
      user: 'LAUNCH_FAILED',
      time: 'USAGE',
      limit: 'USAGE',
      network: 'USAGE',
      zero: 'USAGE',
      misspelt: 'USAGE',
      allowed: 'USAGE',
      line: 'USAGE',
      option: 'USAGE',
      after: 'fine\n',
      waiting: ['USAGE', 'USAGE', 'TimeoutError: The operation was aborted due to timeout', 'Error: enough'],
      running: 'CONTAINER_STATE',
      closed: 'CONTAINER_STATE',
      read: 'CONTAINER_STATE',
    });
  });

  test('a sandbox with a list reaches what is on it by the proxy, and nothing in any other way', async () => {
    const { allowed, again, other, decisions, listening, abstract, ...refused } = await run('egress');
    assert.equal([allowed, again], ['200 OK\r\nfrom the host', '200 OK\r\nfrom the host']);
    assert.match(other, /^403 Forbidden/);
    assert.equal([listening, abstract], ['1\n status 0', '0\n status 1']);
    for (const [way, said] of Object.entries(refused)) assert.match(String(said), / status [1-9][0-9]*$/, way);
    assert.equal(decisions, [
      ['127.0.0.1', true],
      ['127.0.0.1', true],
      ['http://example.com/', false],
    ]);
  });

  test('a dozen run at once, a pool is full again after each, and nothing is left', async () => {
    const found = await run('many');
    assert.equal(
      found.out,
      Array.from({ length: 12 }, (_, index) => String(index)),
    );
    assert.equal([found.pooled, found.ready, found.left], [Array(4).fill('pooled'), 3, []]);
    assert.equal(found.listeners, found.listenersBefore);
  });

  if (user !== undefined) {
    test('a limit that no cgroup of this user can hold is refused, unless weaker ones are accepted', () => {
      const asked = { source, scenario: 'inside', options: { root } };
      const [program = '', ...args] = [...becomeWords(user), process.execPath, PROGRAM, JSON.stringify(asked)];
      const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: '/' });
      assert.is(status, 1);
      assert.match(stderr, /HOST_UNSUPPORTED/);
      assert.match(stderr, /weakLimits/);
    });
  }
});

asRoot.run();
asUser.run();
