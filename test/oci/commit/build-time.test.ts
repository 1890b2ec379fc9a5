import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildTime } from '../../../src/oci/commit/build-time.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('oci/commit/build-time');
const NOW = new Date('2026-01-02T03:04:05.678Z');

test('without SOURCE_DATE_EPOCH an image is made now, and files keep their times', () => {
  for (const env of [{}, { SOURCE_DATE_EPOCH: '' }]) {
    assert.equal(buildTime(env, NOW), { created: '2026-01-02T03:04:05.678Z', newest: undefined });
  }
});

test('SOURCE_DATE_EPOCH is the time of the image, and no file is newer', () => {
  assert.equal(buildTime({ SOURCE_DATE_EPOCH: '0' }, NOW), { created: '1970-01-01T00:00:00.000Z', newest: 0 });
  assert.is(buildTime({ SOURCE_DATE_EPOCH: '253402300799' }, NOW).created, '9999-12-31T23:59:59.000Z');
});

test('a SOURCE_DATE_EPOCH that is no time is refused', async () => {
  for (const text of ['x', '-1', '1.5', ' 1', '253402300800', '0x10', '9'.repeat(200)]) {
    const run = Promise.resolve().then(() => buildTime({ SOURCE_DATE_EPOCH: text }, NOW));
    assert.is((await failureOf(run)).code, 'USAGE', text);
  }
});

test.run();
