import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stubMeanwhile } from '../../../src/host/start/stub-meanwhile.ts';

const test = suite('host/start/stub-meanwhile');
const descriptors = () => readdirSync('/proc/self/fd').length;

test('a launch that is given up leaves no descriptor of its stub, and closes none of another', async () => {
  const giveUp = async () => {
    await using starting = stubMeanwhile();
    await starting.stub;
  };
  // What is opened once for all stubs is there after the first.
  await giveUp();
  const before = descriptors();
  await giveUp();
  assert.is(descriptors(), before);
  let others: readonly number[] = [];
  {
    await using starting = stubMeanwhile();
    (await starting.stub).stub.close();
    // One of them gets the number of the closed one.
    others = Array.from({ length: 4 }, () => openSync('/dev/null', 'r'));
  }
  for (const fd of others) assert.ok(fstatSync(fd).isCharacterDevice());
  for (const fd of others) closeSync(fd);
});

test.run();
