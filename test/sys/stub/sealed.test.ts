import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hideFromTracers, showToTracers } from '../../../src/sys/stub/call/become.ts';
import { forkStub } from '../../../src/sys/stub/fork-stub.ts';
import { sealProgram } from '../../../src/sys/stub/sealed.ts';
import { startStub } from '../../../src/sys/stub/start-stub.ts';
import type { Stub } from '../../../src/sys/stub/stub.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('sys/stub/sealed');
const SCRIPT = Buffer.from('#!/bin/sh\necho ran\n');
const run = (path: string, fd: number) => spawnSync(path, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe', fd] });

test('a program in sealed memory can be run, but not written to, truncated or extended', () => {
  using program = sealProgram(SCRIPT);
  assert.match(readlinkSync(program.path), /^\/memfd:stub /);
  const writer = openSync(program.path, constants.O_RDWR);
  try {
    assert.throws(() => writeSync(writer, 'x'), /EPERM/);
    assert.throws(() => openSync(program.path, constants.O_RDWR | constants.O_TRUNC), /EPERM/);
    assert.throws(() => writeSync(writer, 'x', SCRIPT.length), /EPERM/);
  } finally {
    closeSync(writer);
  }
  assert.equal(readFileSync(program.path), SCRIPT);
});

test('after its start it cannot be run again, not even by root', () => {
  const program = sealProgram(SCRIPT);
  const copy = openSync(program.path, constants.O_RDONLY);
  try {
    const path = `/proc/${process.pid}/fd/${copy}`;
    assert.is(run(path, copy).stdout, 'ran\n');
    program[Symbol.dispose]();
    assert.is(fstatSync(copy).mode & 0o777, 0);
    assert.match(String(run(path, copy).error), /EACCES/);
  } finally {
    closeSync(copy);
  }
});

test('each start has memory of its own', () => {
  using one = sealProgram(SCRIPT);
  using other = sealProgram(SCRIPT);
  chmodSync(one.path, 0);
  assert.not.equal(fstatSync(one.fd).ino, fstatSync(other.fd).ino);
  assert.not.equal(fstatSync(other.fd).mode & 0o111, 0);
});

test('a stub and its children are hidden before their first request', async () => {
  const PR_GET_DUMPABLE = 3;
  const isShown = (stub: Stub) => stub.call('prctl', [PR_GET_DUMPABLE]);
  for (const options of [{}, { pipes: 2 }, { foreground: true }]) {
    const { stub, process: child } = await startStub(options);
    try {
      assert.is(isShown(stub), 0);
      const second = forkStub(stub);
      assert.is(isShown(second), 0);
      showToTracers(second);
      assert.is(isShown(second), 1);
      hideFromTracers(second);
      assert.is(isShown(second), 0);
      second.close();
    } finally {
      stub.close();
      await child.ended;
    }
  }
});

test('on hosts where memory may not be executed (vm.memfd_noexec), it is a file without a name', () => {
  if (!haveRoot() || !haveTools('unshare')) return;
  const module = join(import.meta.dirname, '..', '..', '..', 'src', 'sys', 'stub', 'start-stub.js');
  const program = `const { startStub } = await import(${JSON.stringify(module)});
    const { stub, process: child } = await startStub();
    const fs = await import('node:fs');
    console.log(stub.call('umask', [0o22]) >= 0, fs.readlinkSync('/proc/' + stub.pid + '/exe'));
    stub.close();
    await child.ended;`;
  const script = 'echo 2 >/proc/sys/vm/memfd_noexec || exit 9; exec "$@"';
  const command = ['sh', '-c', script, 'sh', process.execPath, '--input-type=module', '-e', program];
  const { status, stdout, stderr } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', ...command], {
    encoding: 'utf8',
  });
  if (status === 9) return console.log('skipped: needs vm.memfd_noexec');
  assert.match(stdout, /^true \/(dev\/shm|tmp)\/#\d+ \(deleted\)\n$/, stderr);
});

test.run();
