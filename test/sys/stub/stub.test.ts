import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { forkHand } from '../../../src/sys/stub/fork-stub.ts';
import { startHand } from '../../../src/sys/stub/start-stub.ts';
import type { Hand } from '../../../src/sys/stub/stub.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('sys/stub/stub');
const AT_FDCWD = -100;

async function withHand(use: (hand: Hand) => void | Promise<void>): Promise<void> {
  const { hand, process } = await startHand();
  try {
    await use(hand);
  } finally {
    hand.close();
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

test('calls that are not waited for are performed in their order, before the next one', () =>
  withHand((hand) => {
    const folder = join(tempDir(), 'a');
    hand.later(makeDirectory(folder));
    hand.later(makeDirectory(join(folder, 'b')));
    assert.not(existsSync(folder));
    hand.call('umask', [0]);
    assert.ok(existsSync(join(folder, 'b')));
  }));

test('when one of them fails, nothing more is performed, and all that follows fails with its error', () =>
  withHand(async (hand) => {
    const folder = tempDir();
    const failing = join(folder, 'absent', 'a');
    hand.later(makeDirectory(failing));
    hand.later(makeDirectory(join(folder, 'b')));
    const { name, args } = makeDirectory(join(folder, 'c'));
    assert.throws(() => hand.call(name, args), isFailed(failing));
    assert.throws(() => hand.call(name, args), isFailed(failing));
    assert.throws(() => hand.attempt([{ name, args }]), isFailed(failing));
    const error: unknown = await hand.await({ name, args }).catch((thrown: unknown) => thrown);
    assert.ok(isFailed(failing)(error));
    assert.ok(isFailed(failing)(hand.failure));
    assert.not(existsSync(join(folder, 'b')));
    assert.not(existsSync(join(folder, 'c')));
  }));

test('the error is the one that the caller explains it by', () =>
  withHand((hand) => {
    const explained = new TsimgError('LAUNCH_FAILED', 'explained');
    hand.later({ ...makeDirectory(join(tempDir(), 'absent', 'a')), explain: () => explained });
    assert.throws(
      () => hand.call('umask', [0]),
      (error: unknown) => error === explained,
    );
  }));

test('a hand with calls that wait can have a child, and each goes on with its own descriptors', () =>
  withHand((hand) => {
    const folder = tempDir();
    hand.later(makeDirectory(join(folder, 'a')));
    const child = forkHand(hand);
    child.call('mkdirat', makeDirectory(join(folder, 'b')).args);
    hand.call('mkdirat', makeDirectory(join(folder, 'c')).args);
    assert.ok(['a', 'b', 'c'].every((name) => existsSync(join(folder, name))));
    child.close();
  }));

test.run();
