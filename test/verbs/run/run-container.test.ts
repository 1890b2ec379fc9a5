import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processSignals } from '../../../src/host/stdio/signal-source.ts';
import { completeRequest, type RunRequest } from '../../../src/launch/plan/run-request.ts';
import { directoryRoot } from '../../../src/verbs/run/plan-container.ts';
import { type RunContext, runContainer } from '../../../src/verbs/run/run-container.ts';
import { rootfsTarget } from '../../../src/verbs/run/run-source.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const PLAIN: RunRequest = completeRequest({ command: [], network: 'none' });

const test = suite('verbs/run/run-container');

test('a root that does not exist, is no directory or is the host’s own is refused', async () => {
  await failureOf(directoryRoot('/no/such/rootfs'), 'SOURCE_NOT_FOUND');
  await failureOf(directoryRoot('/etc/passwd'), 'USAGE');
  await failureOf(directoryRoot('/usr/..'), 'USAGE');
});

if (canRunContainers()) {
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const stateRoot = tempDir();
  const streams = () => ({ stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() });
  const run = async (script: string, context: Partial<RunContext>, request: Partial<RunRequest> = {}) =>
    runContainer(
      await rootfsTarget(rootfs),
      { ...PLAIN, command: ['/bin/sh', '-c', script], ...request },
      { stateRoot, life: { remove: true }, ...context },
    );

  test('a caller of the library can give a container its streams', async () => {
    const own = streams();
    own.stdin.end('in');
    const status = run('cat; echo err >&2; exit 4', { streams: own }, { interactive: true });
    assert.is(await status, 4);
    own.stdout.end();
    own.stderr.end();
    assert.equal([await text(own.stdout), await text(own.stderr)], ['in', 'err\n']);
  });

  test('a container whose root cannot be made leaves nothing', async () => {
    const target = { ...(await rootfsTarget(rootfs)), openRoot: async () => Promise.reject(new RangeError('no root')) };
    const request = { ...PLAIN, command: ['true'] };
    await runContainer(target, request, { stateRoot, life: { name: 'rootless' } }).then(
      () => assert.unreachable(),
      (error: unknown) => assert.instance(error, RangeError),
    );
    const left = readdirSync(join(stateRoot, 'containers'), { recursive: true });
    assert.equal(left, ['names']);
  });

  test('an abort kills the container', async () => {
    const own = streams();
    const abort = new AbortController();
    own.stdout.once('data', () => abort.abort());
    const ended = run('echo up; sleep 1000', { streams: own, signal: abort.signal });
    assert.is(await ended.catch((error: unknown) => (error instanceof Error ? error.name : error)), 'AbortError');
  });

  test('nothing listens to the signals of the process unless the caller asks for it', async () => {
    const own = streams();
    const before = process.listenerCount('SIGTERM');
    const during: number[] = [];
    own.stdout.on('data', () => during.push(process.listenerCount('SIGTERM')));
    await run('echo up', { streams: own });
    assert.equal(during, [before]);
  });

  test('signals reach the command from any source that the caller makes', async () => {
    const own = streams();
    const listeners = new Set<(name: NodeJS.Signals) => void>();
    own.stdout.once('data', () => {
      for (const deliver of listeners) deliver('SIGTERM');
    });
    const status = await run(`trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done`, {
      streams: own,
      signals: {
        listen(deliver) {
          listeners.add(deliver);
          return { [Symbol.dispose]: () => void listeners.delete(deliver) };
        },
      },
    });
    assert.is(status, 9);
    assert.is(listeners.size, 0);
  });

  test('an abort before the launch starts nothing', async () => {
    const ended = run('true', { streams: streams(), signal: AbortSignal.abort() });
    assert.is(await ended.catch((error: unknown) => (error instanceof Error ? error.name : error)), 'AbortError');
  });

  test('no listener is left behind on the process or its streams', async () => {
    const own = streams();
    const before = process.listenerCount('SIGTERM');
    await run('true', { streams: own, signals: processSignals });
    assert.is(process.listenerCount('SIGTERM'), before);
    assert.is(own.stdout.listenerCount('error'), 0);
  });
}

test.run();
