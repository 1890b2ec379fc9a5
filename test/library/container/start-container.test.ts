import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { Container } from '../../../src/library/container/container.ts';
import { listContainers } from '../../../src/library/container/find-container.ts';
import { startContainer } from '../../../src/library/container/start-container.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('library/container/start-container');

if (canRunContainers()) {
  const root = tempDir();
  const options = { root, network: 'none', command: ['sleep', '1000'] } as const;

  test('a container whose end cannot be waited for is not waited for until the time is over', async () => {
    const { wait } = Container.prototype;
    Container.prototype.wait = async () => {
      throw new TsimgError('CONTAINER_NOT_FOUND', 'the container was removed');
    };
    try {
      const ready = () => new Promise(() => {});
      const started = startContainer(EXAMPLE_IMAGE, { ...options, ready, readyTimeout: 100_000 });
      assert.match((await failureOf(started, 'LAUNCH_FAILED')).message, 'the container was removed');
    } finally {
      Container.prototype.wait = wait;
    }
    assert.equal(await listContainers({ root, all: true }), []);
  });

  test('a check that says at once what was missing leaves no timer that keeps the program', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    let before = 0;
    const ready = async (_: Container, signal: AbortSignal) => {
      before = timers();
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw new Error('the server');
    };
    const started = startContainer(EXAMPLE_IMAGE, { ...options, ready, readyTimeout: 50 });
    assert.match((await failureOf(started, 'LAUNCH_FAILED')).message, 'it took more than 50 ms; the server');
    // That of readyTimeout is over, too.
    assert.ok(timers() < before, `${timers()} timers, ${before} while it was waited for`);
  });
}

test.run();
