import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildRootfs } from '../../../src/disk/build-rootfs.ts';
import { inspectDestination } from '../../../src/disk/publish/destination.ts';
import { openStaging } from '../../../src/disk/publish/staging.ts';
import { TsimgError } from '../../../src/errors.ts';
import { layerInputs } from '../../support/image/layer-input.ts';
import { file, tarOf } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';

// A killed unpack leaves a directory beside its destination, or in it.
const test = suite('disk/publish/abandoned');
const NAME = '.tsimg-0123456789ab';
const LAYERS = layerInputs(tarOf(file('a', 'a')));

/** Makes a directory as a killed unpack leaves it. */
function leave(directory: string, name = NAME): string {
  const path = join(directory, name);
  mkdirSync(join(path, 'root', 'etc'), { recursive: true });
  writeFileSync(join(path, 'root', 'etc', 'passwd'), '');
  mkdirSync(join(path, 'pool'));
  chmodSync(path, 0o700);
  return path;
}

test('the next unpack beside it removes the directory of a killed one', async () => {
  const parent = tempDir();
  leave(parent);
  await buildRootfs(LAYERS, join(parent, 'rootfs'));
  assert.equal(readdirSync(parent), ['rootfs']);
});

test('a destination that holds only directories of killed unpacks is empty', async () => {
  const destination = tempDir();
  leave(destination);
  await buildRootfs(LAYERS, destination);
  assert.equal(readdirSync(destination), ['a']);
});

test('a directory in use stays, and one that tsimg did not make', async () => {
  const parent = tempDir();
  const [open, wide, other, named] = ['a', 'b', 'c', 'd'].map((digit) => `.tsimg-${digit.repeat(12)}`);
  leave(parent, wide);
  chmodSync(join(parent, wide ?? ''), 0o755);
  writeFileSync(join(leave(parent, other), 'mine'), '');
  writeFileSync(join(parent, named ?? ''), '');
  leave(parent, '.tsimg-short');
  leave(parent, open);
  const staging = openStaging(inspectDestination(join(parent, 'first')));
  const before = readdirSync(parent).sort();
  assert.not.ok(before.includes(open ?? ''), 'nobody was at work in this one');
  await buildRootfs(LAYERS, join(parent, 'second'));
  assert.equal(readdirSync(parent).sort(), [...before, 'second'].sort());
  staging.remove();
  assert.is(readdirSync(parent).length, before.length);
});

test('the directory of a killed process is free, that of a living one is not', async () => {
  const parent = tempDir();
  const module = (name: string) =>
    JSON.stringify(new URL(`../../../src/disk/publish/${name}.js`, import.meta.url).href);
  const program = `
    import { openStaging } from ${module('staging')};
    import { inspectDestination } from ${module('destination')};
    openStaging(inspectDestination(process.argv[1]));
    process.stdout.write('made');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, join(parent, 'theirs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const [theirs = ''] = readdirSync(parent);
    assert.match(theirs, /^\.tsimg-/);
    await buildRootfs(LAYERS, join(parent, 'one'));
    assert.ok(existsSync(join(parent, theirs)));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    await buildRootfs(LAYERS, join(parent, 'two'));
    assert.not.ok(existsSync(join(parent, theirs)));
  } finally {
    child.kill('SIGKILL');
  }
});

test('many unpacks beside each other do not remove the directories of each other', async () => {
  const parent = tempDir();
  leave(parent);
  const names = Array.from({ length: 12 }, (_, index) => `${index}`);
  await Promise.all(names.map((name) => buildRootfs(LAYERS, join(parent, name))));
  assert.equal(readdirSync(parent).sort(), names.sort());
});

test('the former content of a destination survives a kill', async () => {
  const destination = tempDir();
  const old = join(leave(destination), 'old');
  mkdirSync(old);
  writeFileSync(join(old, 'mine'), '');
  await buildRootfs(LAYERS, join(destination, 'other'));
  assert.equal(readdirSync(old), ['mine']);
  assert.throws(
    () => inspectDestination(destination),
    (error: unknown) => error instanceof TsimgError && error.code === 'DESTINATION_EXISTS',
  );
});

test('content that could not be moved back after an error stays, and the error says where', () => {
  const destination = tempDir();
  writeFileSync(join(destination, 'mine'), 'mine');
  const staging = openStaging({ ...inspectDestination(destination, true), by: 'fill' });
  const fail = () => {
    mkdirSync(join(destination, 'mine'));
    throw new Error('stop');
  };
  assert.throws(() => staging.publish(fail), /stop/);
  assert.throws(
    () => staging.remove(),
    (error: unknown) => error instanceof TsimgError && readFileSync(join(error.where ?? '', 'mine'), 'utf8') === 'mine',
  );
});

test.run();
