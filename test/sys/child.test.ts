import { closeSync, mkdtempSync, readSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { awaitChild, type ChildCall, startChild } from '../../src/sys/child.ts';
import * as calls from '../../src/sys/child-calls.ts';
import { openPipe } from '../../src/sys/pipe.ts';

const test = suite('sys/child');

const shell = (script: string, paths: readonly string[] = ['/bin/sh']) =>
  calls.executeFirst(paths, ['sh', '-c', script], ['A=1', 'B=zwei ü']);

/** What a child that becomes a shell writes, and its status. */
function run(script: string, before: readonly ChildCall[] = [], paths?: readonly string[]) {
  const pipe = openPipe();
  const start = startChild([
    calls.duplicate(pipe.write, 1),
    ...before,
    ...calls.resetSignals,
    calls.closeOnExecFrom(3),
    ...shell(script, paths),
  ]);
  closeSync(pipe.write);
  const chunk = Buffer.alloc(65536);
  let text = '';
  for (let count = readSync(pipe.read, chunk); count > 0; count = readSync(pipe.read, chunk)) {
    text += chunk.toString('utf8', 0, count);
  }
  closeSync(pipe.read);
  if (start.kind === 'failed') throw new Error(JSON.stringify(start.failed));
  return { text, status: awaitChild(start.pid) };
}

function failedCalls(list: readonly ChildCall[]) {
  const start = startChild(list);
  if (start.kind === 'started') throw new Error(`it runs: ${awaitChild(start.pid)}`);
  return start.failed.map(({ call, errno, tolerated }) => [call.name, errno, tolerated]);
}

test('a child becomes the program, with arguments and environment', () => {
  assert.equal(run('echo $A $B; exit 7'), { text: '1 zwei ü\n', status: 7 });
});

test('the first program that is there is the one', () => {
  assert.is(run('echo here', [], ['/no/such/sh', '/etc/passwd/sh', '/bin/sh']).text, 'here\n');
});

test('what is done to the child is not done to us', () => {
  const before = process.umask();
  const { text } = run('umask; ulimit -n', [calls.setUmask(0o77), calls.limit('nofile', 99, 'keep')]);
  assert.match(text, /^0?077\n99\n$/);
  assert.is(process.umask(), before);
});

test('ignored signals are not passed on, and none is blocked', () => {
  const { text } = run("grep -E '^Sig(Ign|Blk)' /proc/self/status | cut -f2");
  assert.is(text, '0000000000000000\n0000000000000000\n');
});

test('the end is told as a shell would', () => {
  assert.is(run('kill -KILL $$').status, 137);
  assert.is(run('exit 255').status, 255);
});

test('a call that fails ends the child, and is told', () => {
  assert.equal(failedCalls([calls.enterDirectory(9999), ...shell('exit 0')]), [['fchdir', 'EBADF', false]]);
});

test('calls whose failure is tolerated are passed over', () => {
  const tolerant: ChildCall = { ...calls.enterDirectory(9999), tolerate: ['EBADF'] };
  assert.is(run('exit 4', [tolerant]).status, 4);
});

test('where no program is there, or none can be executed, each try is told', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsimg-child-'));
  try {
    assert.equal(failedCalls([...shell('', ['/no/such', directory])]), [
      ['execve', 'ENOENT', true],
      ['execve', 'EACCES', true],
    ]);
    assert.equal(failedCalls([]), []);
  } finally {
    rmdirSync(directory);
  }
});

test('a thousand arguments of a thousand bytes arrive', () => {
  const words = Array.from({ length: 1000 }, (_, index) => String(index).padStart(1000, 'x'));
  const pipe = openPipe();
  const start = startChild([
    calls.duplicate(pipe.write, 1),
    ...calls.resetSignals,
    ...calls.executeFirst(['/bin/sh'], ['sh', '-c', 'echo $#', 'sh', ...words], []),
  ]);
  closeSync(pipe.write);
  assert.is(start.kind, 'started');
  const chunk = Buffer.alloc(100);
  assert.is(chunk.toString('utf8', 0, readSync(pipe.read, chunk)), '1000\n');
  closeSync(pipe.read);
  if (start.kind === 'started') assert.is(awaitChild(start.pid), 0);
});

test.run();
