import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listContainers } from '../../../src/library/container/find-container.ts';
import { createNetwork, listNetworks } from '../../../src/library/host/network.ts';
import { createVolume, inspectVolume } from '../../../src/library/host/volumes.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('library/host/labels');

test('labels are kept as texts, and those that are undefined are left out', async () => {
  const root = tempDir();
  // A program without types
  const labels = Object({ count: 1, isRight: true, none: undefined });
  await createVolume({ root, name: 'data', labels });
  assert.equal((await inspectVolume('data', { root })).labels, { count: '1', isRight: 'true' });
  await using network = await createNetwork({ root, labels });
  assert.equal((await network.inspect()).Labels, { count: '1', isRight: 'true' });
  await failureOf(createNetwork({ root, labels: { 'a=b': 'c' } }), 'USAGE');
});

test('an abort before a list is made is the reason of its failure', async () => {
  const root = tempDir();
  const reason = new RangeError('enough');
  const signal = AbortSignal.abort(reason);
  assert.is(await listContainers({ root, signal }).catch((error: unknown) => error), reason);
  assert.is(await listNetworks({ root, signal }).catch((error: unknown) => error), reason);
});

test.run();
