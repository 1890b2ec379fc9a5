import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startContainer } from '../../../src/library/container/start-container.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('library/container/exec');

if (canRunContainers()) {
  test('the time of a command does not begin while the image of its tools is looked for', async () => {
    const registry = createServer(async (_, to) => {
      await sleep(300);
      to.writeHead(404).end();
    });
    registry.listen(0, '127.0.0.1');
    await once(registry, 'listening');
    const { port } = registry.address() as AddressInfo;
    try {
      await using box = await startContainer(EXAMPLE_IMAGE, {
        root: tempDir(),
        network: 'none',
        command: ['sleep', '1000'],
      });
      const toolbox = `docker://127.0.0.1:${port}/tools:1`;
      await failureOf(box.exec(['true'], { toolbox, timeout: 100 }), 'IMAGE_NOT_FOUND');
      // That of the command itself does, with tools and without.
      for (const more of [{}, { toolbox: EXAMPLE_IMAGE }]) {
        const { facts } = await failureOf(box.exec(['sleep', '1000'], { ...more, timeout: 100 }), 'LIMIT_EXCEEDED');
        assert.is(facts.limit, 'timeout');
      }
    } finally {
      registry.closeAllConnections();
      registry.close();
    }
  });
}

test.run();
