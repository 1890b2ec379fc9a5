import { constants, existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errnoOf, TsimgError } from '../../../src/errors.ts';
import { openPath, statusIn } from '../../../src/sys/stub/call/files.ts';
import { forkStub } from '../../../src/sys/stub/fork-stub.ts';
import type { Call } from '../../../src/sys/stub/request.ts';
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

test('the status of a name is that of a link itself, none where the name is missing, and an error otherwise', () =>
  withStub((stub) => {
    const folder = tempDir();
    writeFileSync(join(folder, 'file'), 'abc');
    symlinkSync('file', join(folder, 'link'));
    const open = (path: string) => openPath(stub, path, constants.O_RDONLY);
    const directory = open(folder);
    const look = (name: string) => statusIn({ stub, directory, name });
    assert.equal([look('file')?.kind, look('file')?.size, look('link')?.kind], ['file', 3, 'link']);
    assert.is(look('absent'), undefined);
    // An entry that cannot be looked at is not one that is gone.
    const noDirectory = open(join(folder, 'file'));
    assert.throws(
      () => statusIn({ stub, directory: noDirectory, name: 'file' }),
      (error: unknown) => errnoOf(error) === 'ENOTDIR',
    );
  }));

test('a call of a request has the results of earlier ones as arguments, and what it skips or never reaches has none', () =>
  withStub((stub) => {
    const folder = tempDir();
    writeFileSync(join(folder, 'file'), 'abc');
    const at = { name: 'openat', args: [AT_FDCWD, folder, constants.O_RDONLY, 0] } as const;
    const absent = {
      name: 'openat',
      args: [{ resultOf: at }, 'absent', constants.O_RDONLY, 0],
      expected: { result: -2, skip: 1 },
    } as const;
    const skipped = { name: 'close', args: [{ resultOf: absent }] } as const;
    const file = { name: 'openat', args: [{ resultOf: at }, 'file', constants.O_RDONLY, 0] } as const;
    const [text, more] = [Buffer.alloc(5), Buffer.alloc(16)];
    const read = { name: 'read', args: [{ resultOf: file }, { receive: text }, 1] } as const;
    const again = { name: 'read', args: [{ resultOf: file }, { receive: more }, more.length] } as const;
    const close = (of: Call): Call => ({ name: 'close', args: [{ resultOf: of }] });
    const failing = makeDirectory(join(folder, 'absent', 'a'));
    stub.later({ name: 'umask', args: [0] });
    const performed = stub.perform([at, absent, skipped, file, read, again, close(at), failing, close(file)]);
    assert.is(performed?.call, 7);
    const [directory = -1, , , opened = -1] = performed?.results ?? [];
    assert.ok(directory > 2 && opened > directory);
    assert.equal(performed?.results, [directory, -2, undefined, opened, 1, 2, 0, -2, undefined]);
    assert.equal([text.toString('latin1', 0, 1), more.toString('latin1', 0, 2)], ['a', 'bc']);
    stub.call('close', [opened]);
    assert.throws(
      () => stub.call('close', [opened]),
      (error: unknown) => errnoOf(error) === 'EBADF',
    );
    assert.throws(() => stub.perform([close(at), at]), RangeError);
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
