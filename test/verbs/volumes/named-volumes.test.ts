import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { STORE_NAME } from '../../../src/store-layout.ts';
import { ensureVolume, readVolume, volumesFolder } from '../../../src/verbs/volumes/named-volumes.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('verbs/volumes/named-volumes');

test('of several that make a volume at the same time, one writes its record, and all get this one', async () => {
  const root = tempDir();
  const folder = volumesFolder(root);
  mkdirSync(folder);
  const makers = Array.from({ length: 10 }, (_, index) => ({ name: 'same', labels: { maker: `${index}` } }));
  const records = await Promise.all(makers.map((wanted) => ensureVolume(folder, wanted, {})));
  for (const record of records) assert.equal(record, readVolume(folder, 'same'));
  const events = readFileSync(join(root, STORE_NAME.events), 'utf8');
  assert.is(events.match(/"create"/g)?.length, 1);
  assert.equal(readdirSync(join(folder, 'same')).toSorted(), ['data', 'lock', 'volume.json']);
});

test.run();
