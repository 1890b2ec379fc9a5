import { getEventListeners } from 'node:events';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { completeRequest, type RunInput } from '../../../src/launch/plan/run-request.ts';
import { rootfsTarget } from '../../../src/verbs/run/run-source.ts';
import { type HereContext, startHere } from '../../../src/verbs/run/start-here.ts';
import { callAlone } from '../../support/command/resident-command.ts';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { tsimgAsync } from '../../support/command/tsimg-async.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import type { HereProgram } from '../../support/container/here-program.ts';
import { failureOf } from '../../support/failure-of.ts';
import type { KillRounds } from '../../support/host/kill-rounds.ts';
import { OWN_WORLD_NEEDS, runInOwnWorld } from '../../support/host/own-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { findTool, haveTools } from '../../support/tools.ts';

callAlone();

const test = suite('verbs/run/start-here');
/** How often a program with containers is killed, as root and as a user together; more by hand: TSIMG_KILLS=200. */
const KILLS = Number(process.env.TSIMG_KILLS ?? 8);
const SEED = Number(process.env.TSIMG_SEED ?? 1);

if (canRunContainers()) {
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const stateRoot = tempDir();
  const start = async (input: RunInput, context: Partial<HereContext> = {}) =>
    startHere(await rootfsTarget(rootfs), completeRequest({ network: 'none', ...input }), {
      stateRoot,
      life: { remove: true },
      ...context,
    });
  const containers = () => readdirSync(join(stateRoot, 'containers')).filter((name) => /^[0-9a-f]{64}$/.test(name));

  test('a container of this process has a log, is seen by the command line, and is removed at its end', async () => {
    const script = 'echo out; echo err >&2; until [ -e /go ]; do sleep 0.05; done; exit 7';
    const { id, name, ended } = await start({ command: ['sh', '-c', script] });
    const at = { env: { TSIMG_ROOT: stateRoot } };
    assert.match((await tsimgAsync(['ps'], at.env)).stdout, new RegExp(`${id.slice(0, 12)}.*${name}`));
    const log = async () => {
      const { stdout, stderr } = await tsimgAsync(['logs', name], at.env);
      return [stdout, stderr];
    };
    for (let turn = 0; turn < 50 && (await log()).includes(''); turn += 1);
    assert.equal(await log(), ['out\n', 'err\n']);
    writeFileSync(join(rootfs, 'go'), '');
    assert.is(await ended, 7);
    assert.equal(containers(), []);
  });

  test('dozens run at once with streams of their own, and leave no listener', async () => {
    const abort = new AbortController();
    const before = ['SIGTERM', 'SIGINT', 'exit'].map((name) => process.listenerCount(name));
    const outputs = Array.from({ length: 36 }, async (_, index) => {
      const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
      streams.stdin.end(`in ${index}`);
      const { ended } = await start({ command: ['cat'], interactive: true }, { streams, signal: abort.signal });
      assert.is(await ended, 0);
      streams.stdout.end();
      return text(streams.stdout);
    });
    assert.equal(
      await Promise.all(outputs),
      outputs.map((_, index) => `in ${index}`),
    );
    const after = ['SIGTERM', 'SIGINT', 'exit'].map((name) => process.listenerCount(name));
    assert.equal(after, before);
    assert.is(getEventListeners(abort.signal, 'abort').length, 0);
    assert.equal(containers(), []);
  });

  test('an abort kills the container, before its command runs and after, and its reason is kept', async () => {
    const reason = new RangeError('enough');
    const abort = new AbortController();
    const { ended } = await start({ command: ['sleep', '1000'] }, { signal: abort.signal });
    abort.abort(reason);
    assert.is(await ended.catch((error: unknown) => error), reason);
    const starting = new AbortController();
    const early = start(
      { command: ['sleep', '1000'] },
      { signal: starting.signal, onPlan: () => starting.abort(reason) },
    );
    assert.is(await early.catch((error: unknown) => error), reason);
    assert.equal(containers(), []);
  });

  test('a launch that fails leaves nothing, and a container that is kept stays with its exit status', async () => {
    await failureOf(start({ command: ['/no/such/program'] }), 'COMMAND_NOT_FOUND');
    await failureOf(start({ command: ['true'] }, { life: { restart: 'always' } }), 'USAGE');
    assert.equal(containers(), []);
    const { id, ended } = await start({ command: ['sh', '-c', 'exit 3'] }, { life: {} });
    assert.is(await ended, 3);
    assert.equal(containers(), [id]);
    const at = { env: { TSIMG_ROOT: stateRoot } };
    assert.match(tsimg(['ps', '-a'], at).stdout, /Exited \(3\)/);
    assert.is(tsimg(['rm', id], at).status, 0);
  });

  test('a container in a worker thread ends with the thread, and nothing is left of it', async () => {
    const module = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
    const code = `(async () => {
      const { startHere } = await import(${module('verbs/run/start-here.js')});
      const { rootfsTarget } = await import(${module('verbs/run/run-source.js')});
      const { completeRequest } = await import(${module('launch/plan/run-request.js')});
      const target = await rootfsTarget(${JSON.stringify(rootfs)});
      const at = { stateRoot: ${JSON.stringify(stateRoot)}, life: { remove: true } };
      const start = (...command) => startHere(target, completeRequest({ command, network: 'none' }), at);
      const first = await (await start('sh', '-c', 'exit 5')).ended;
      await start('sleep', '1000');
      require('node:worker_threads').parentPort.postMessage(first);
    })()`;
    const worker = new Worker(code, { eval: true });
    const status = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    assert.is(status, 5);
    assert.is(containers().length, 1);
    await worker.terminate();
    for (const until = Date.now() + 20_000; containers().length > 0 && Date.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(containers(), []);
  });

  if (haveTools(...OWN_WORLD_NEEDS)) {
    for (const as of ['root', 'user'] as const) {
      test(`a program of ${as} that is killed at any moment leaves nothing of its containers`, () => {
        const open = as === 'root' ? rootfs : makeBusyboxRootfs(tempDir(0o777));
        chmodSync(open, 0o777);
        const port = { network: 'bridge', publish: ['18080:80'] };
        const requests: HereProgram['requests'] =
          as === 'root'
            ? [port, { network: 'bridge' }, { resources: { pidsLimit: '20' } }, {}]
            : [findTool('pasta') === undefined ? {} : { network: 'pasta' }, {}, {}];
        const program: HereProgram = { rootfs: open, stateRoot: '$HOME/state', requests };
        const rounds: KillRounds = {
          rounds: Math.max(4, Math.round(KILLS / 2)),
          seed: SEED,
          longest: 900,
          program: [join(import.meta.dirname, '../../support/container/here-program.js'), JSON.stringify(program)],
          stateRoot: '$HOME/state',
          sweep: ['--', MAIN, 'prune', '--force', '--root', '$HOME/state'],
        };
        const script = `node ${join(import.meta.dirname, '../../support/host/kill-rounds.js')} "$(cat rounds | sed "s,[$]HOME,$HOME,g")"; exit $?`;
        const file = join(tempDir(), 'rounds');
        writeFileSync(file, JSON.stringify(rounds));
        const { status, output } = runInOwnWorld({ main: MAIN, as, files: { rounds: file }, script });
        assert.is(status, 0, output);
        console.log(`  killed as ${as}: ${output.trim()}`);
      });
    }
  }
}

test.run();
