import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runContainer } from '../../../src/library/container/run-container.ts';
import { startContainer } from '../../../src/library/container/start-container.ts';
import { createNetwork, getNetwork, listNetworks } from '../../../src/library/host/network.ts';
import { createVolume } from '../../../src/library/host/volumes.ts';
import { EXAMPLE_IMAGE, ROOT } from '../../support/checkout.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('library/host/network');

if (haveRoot() && haveTools('ip', 'nft')) {
  test('containers of one network find each other by their names, and it goes with its block', async () => {
    const root = tempDir();
    {
      await using network = await createNetwork({ root, internal: true, labels: { made: 'by a test' } });
      await using server = await startContainer(EXAMPLE_IMAGE, {
        root,
        name: 'server',
        network: network.name,
        command: ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'],
      });
      const words = ['sh', '-c', 'for i in $(seq 200); do nc server 80 && exit; sleep 0.1; done'];
      // Also from a container that is on another network first
      await using other = await createNetwork({ root, internal: true });
      const both = [other.name, network.name];
      const { stdout } = await runContainer(EXAMPLE_IMAGE, words, { root, network: both });
      assert.is(stdout, 'hello\n');
      await failureOf(runContainer(EXAMPLE_IMAGE, words, { root, network: ['none', ...both] }), 'USAGE');
      await failureOf(runContainer(EXAMPLE_IMAGE, words, { root, network: JSON.parse('[1]') }), 'USAGE');
      const { Containers, Internal, Labels } = await network.inspect();
      assert.equal(Object.keys(Containers), [server.id]);
      assert.equal([Internal, Labels], [true, { made: 'by a test' }]);
      await failureOf(network.remove(), 'NETWORK_IN_USE');
      assert.is((await getNetwork(network.name, { root })).id, network.id);
      await failureOf(createNetwork({ root, name: network.name }), 'NETWORK_EXISTS');
      // A program without types
      await failureOf(createNetwork(JSON.parse('{ "intern": true }')), 'USAGE');
      await failureOf(createVolume(JSON.parse('{ "name": "data", "label": "a" }')), 'USAGE');
      await failureOf(createVolume(JSON.parse('["data"]')), 'USAGE');
    }
    assert.equal(await listNetworks({ root }), []);
  });

  test('a program that is killed leaves no network, unless it was to be kept', async () => {
    const folder = tempDir();
    const root = join(folder, 'store');
    const module = pathToFileURL(join(ROOT, 'dist/src/library/host/network.js'));
    writeFileSync(
      join(folder, 'killed.mjs'),
      `import { createNetwork } from '${module}';
      await createNetwork({ root: '${root}', name: 'gone' });
      await createNetwork({ root: '${root}', name: 'kept', keep: true });
      process.kill(process.pid, 'SIGKILL');`,
    );
    const { signal, stderr } = spawnSync(process.execPath, ['killed.mjs'], { cwd: folder, encoding: 'utf8' });
    assert.is(signal, 'SIGKILL', stderr);
    const gone = join(root, 'networks', 'gone.json');
    for (let waited = 0; existsSync(gone) && waited < 20_000; waited += 20) await sleep(20);
    assert.equal(readdirSync(join(root, 'networks')).sort(), ['kept.json', 'lock']);
  });
}

test.run();
