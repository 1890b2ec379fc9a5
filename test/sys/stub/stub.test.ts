import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { forkStub } from '../../../src/sys/stub/fork-stub.ts';
import { startStub } from '../../../src/sys/stub/start-stub.ts';
import type { Stub } from '../../../src/sys/stub/stub.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/stub/stub');
const AT_FDCWD = -100;

async function withStub(use: (stub: Stub) => void | Promise<void>): Promise<void> {
  const { stub, process } = await startStub();
  try {
    await use(stub);
  } finally {
    stub.close();
    await process.ended;
  }
}

const makeDirectory = (path: string) => ({ name: 'mkdirat', args: [AT_FDCWD, path, 0o700], where: path }) as const;

function isFailed(path: string) {
  return (error: unknown) =>
    error instanceof TsimgError &&
    error.where === path &&
    error.facts.call === 'mkdirat' &&
    error.facts.errno === 'ENOENT';
}

test('delayed calls are performed in their order, before the next call', () =>
  withStub((stub) => {
    const folder = join(tempDir(), 'a');
    stub.later(makeDirectory(folder));
    stub.later(makeDirectory(join(folder, 'b')));
    assert.not(existsSync(folder));
    stub.call('umask', [0]);
    assert.ok(existsSync(join(folder, 'b')));
  }));

test('after a failed delayed call, no call is performed, and all later ones fail with its error', () =>
  withStub(async (stub) => {
    const folder = tempDir();
    const failing = join(folder, 'absent', 'a');
    stub.later(makeDirectory(failing));
    stub.later(makeDirectory(join(folder, 'b')));
    const { name, args } = makeDirectory(join(folder, 'c'));
    assert.throws(() => stub.call(name, args), isFailed(failing));
    assert.throws(() => stub.call(name, args), isFailed(failing));
    assert.throws(() => stub.attempt([{ name, args }]), isFailed(failing));
    const error: unknown = await stub.await({ name, args }).catch((thrown: unknown) => thrown);
    assert.ok(isFailed(failing)(error));
    assert.ok(isFailed(failing)(stub.failure));
    assert.not(existsSync(join(folder, 'b')));
    assert.not(existsSync(join(folder, 'c')));
  }));

test('the error is the one that `explain` returns', () =>
  withStub((stub) => {
    const explained = new TsimgError('LAUNCH_FAILED', 'explained');
    stub.later({ ...makeDirectory(join(tempDir(), 'absent', 'a')), explain: () => explained });
    assert.throws(
      () => stub.call('umask', [0]),
      (error: unknown) => error === explained,
    );
  }));

test('a stub with delayed calls can fork, and parent and child go on with their own descriptors', () =>
  withStub((stub) => {
    const folder = tempDir();
    stub.later(makeDirectory(join(folder, 'a')));
    const child = forkStub(stub);
    child.call('mkdirat', makeDirectory(join(folder, 'b')).args);
    stub.call('mkdirat', makeDirectory(join(folder, 'c')).args);
    assert.ok(['a', 'b', 'c'].every((name) => existsSync(join(folder, name))));
    child.close();
  }));

test.run();
