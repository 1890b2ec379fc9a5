import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdContainer, makeContainerDirectory } from '../../../src/host/state/container.ts';
import { acquireLock, isLocked } from '../../../src/sys/file/lock.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('host/state/container');

test('a container is made also while another process looks whether it is alive', async () => {
  const folder = join(tempDir(), 'containers');
  let isMaking = true;
  const look = async () => {
    while (isMaking) {
      const ids = readdirSync(folder, { withFileTypes: true }).filter((entry) => /^[0-9a-f]{64}$/.test(entry.name));
      await Promise.all(ids.map(({ name }) => isLocked(join(folder, name, 'lock')).catch(() => false)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const first = await makeContainerDirectory(folder, undefined);
  const looking = [look(), look()];
  const made = [first];
  for (let count = 0; count < 60; count += 1) made.push(await makeContainerDirectory(folder, undefined));
  isMaking = false;
  await Promise.all(looking);
  assert.is(new Set(made.map(({ id }) => id)).size, 61);
  for (const { lock } of made) await lock.close();
});

test('a dead container is held also while another process looks at it; a live one and one that is gone are not', async () => {
  const folder = join(tempDir(), 'containers');
  const { id, directory, lock } = await makeContainerDirectory(folder, undefined);
  assert.is(await holdContainer(folder, id), undefined, 'alive');
  await lock.close();
  const looking = await acquireLock(join(directory, 'lock'), 'shared');
  const holding = holdContainer(folder, id);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await looking.close();
  const held = await holding;
  assert.is(held?.id, id);
  await held?.lock.close();
  rmSync(directory, { recursive: true });
  assert.is(await holdContainer(folder, id), undefined, 'gone');
});

test.run();
