import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runContainer } from '../../../src/library/container/run-container.ts';
import { startContainer } from '../../../src/library/container/start-container.ts';
import { EXAMPLE_IMAGE, ROOT } from '../../support/checkout.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

// Streams of a program that fail, are destroyed, or are shared.

const test = suite('library/container/streams');
const root = tempDir();
const options = { root, network: 'none' } as const;
/** The first process of a container gets no SIGPIPE, so its `echo` fails. */
const ENDLESS = ['sh', '-c', 'while echo line 2>/dev/null; do :; done; exit 7'];
/** 128 + SIGPIPE, as in a pipeline whose reader has gone. */
const BROKEN_PIPE = 141;

if (canRunContainers()) {
  test('output that a program has destroyed ends the command, as a pipe without a reader', async () => {
    const before = new PassThrough().destroy();
    assert.is((await runContainer(EXAMPLE_IMAGE, ENDLESS, { ...options, stdout: before })).exitCode, 7);
    const during = new PassThrough();
    during.once('data', () => during.destroy());
    assert.is((await runContainer(EXAMPLE_IMAGE, ENDLESS, { ...options, stdout: during })).exitCode, 7);
  });

  test('output that fails ends a command that writes nothing more, with the error of the stream', async () => {
    const full = new Error('the disk is full');
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(full) });
    const run = runContainer(EXAMPLE_IMAGE, ['sh', '-c', 'echo a; exec sleep 1000'], { ...options, stdout });
    assert.is(await run.catch((error: unknown) => error), full);
  });

  test('input that a program has destroyed is the end of input; a chunk that is no content is an error', async () => {
    const stdin = new PassThrough().destroy();
    assert.is((await runContainer(EXAMPLE_IMAGE, ['cat'], { ...options, stdin })).exitCode, 0);
    const numbers = runContainer(EXAMPLE_IMAGE, ['cat'], { ...options, stdin: Readable.from([1, 2]) });
    const { message } = await failureOf(numbers, 'USAGE');
    assert.match(message, 'a chunk that is neither text nor bytes');
  });

  test('commands in a container treat streams the same way, and dozens may share one', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => void warnings.push(warning);
    process.on('warning', warn);
    await using box = await startContainer(EXAMPLE_IMAGE, { ...options, command: ['sleep', '1000'] });
    const during = new PassThrough();
    const echoed = new PassThrough();
    const cat = box.exec(['cat'], { stdin: during, stdout: echoed });
    during.write('begun');
    const [first] = await once(echoed, 'data');
    during.destroy();
    assert.equal([String(first), await cat], ['begun', { exitCode: 0, stdout: '', stderr: '' }]);

    const unread = box.spawn(['cat']);
    unread.stdin.destroy();
    assert.is(await unread.exitCode, 0);
    const reader = box.spawn(ENDLESS);
    for await (const _ of reader.stdout) break;
    assert.is(await reader.exitCode, BROKEN_PIPE);

    const chunks: string[] = [];
    const shared = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        chunks.push(String(chunk));
        setTimeout(done, 1);
      },
    });
    const words = (index: number) => ['sh', '-c', `echo ${index}; echo ${index}`];
    const all = Array.from({ length: 24 }, (_, index) => box.exec(words(index), { stdout: shared, stderr: shared }));
    for (const { exitCode } of await Promise.all(all)) assert.is(exitCode, 0);
    assert.is(chunks.join('').match(/\n/g)?.length, 48);
    assert.equal(
      ['error', 'close', 'drain'].map((name) => shared.listenerCount(name)),
      [0, 0, 0],
    );
    await sleep(10);
    process.off('warning', warn);
    assert.equal(warnings, []);
  });

  test('a program that is ended while a command runs leaves no container, and none when its guardian was killed', async () => {
    const folder = tempDir();
    const module = pathToFileURL(join(ROOT, 'dist/src/library/container/run-container.js'));
    const find = `readdirSync('/proc').filter((pid) => /^\\d+$/.test(pid) && readStatus(pid).includes('guardian.cjs'))`;
    writeFileSync(
      join(folder, 'ended.mjs'),
      `import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
      import { runContainer } from '${module}';
      const [signal, twice] = process.argv.slice(2);
      const place = { root: '${folder}/store', network: 'none' };
      const readStatus = (pid) => { try { return readFileSync('/proc/' + pid + '/cmdline', 'latin1'); } catch { return ''; } };
      const parentOf = (pid) => readFileSync('/proc/' + pid + '/stat', 'latin1').split(') ')[1].split(' ')[1];
      const mine = () => ${find}.filter((pid) => parentOf(pid) === String(process.pid));
      const output = { write: undefined };
      void runContainer('${EXAMPLE_IMAGE}', ['sh', '-c', 'echo up; exec sleep 1000'], {
        ...place,
        stdout: new (await import('node:stream')).Writable({
          async write(chunk, encoding, done) {
            done();
            if (twice === 'guardian too') {
              const [first] = mine();
              // It must have settled to be replaced.
              await new Promise((resolve) => setTimeout(resolve, 1200));
              process.kill(Number(first), 'SIGKILL');
              while (mine().every((pid) => pid === first || readStatus(pid) === '')) {
                await new Promise((resolve) => setTimeout(resolve, 10));
              }
              await new Promise((resolve) => setTimeout(resolve, 300));
            }
            process.kill(process.pid, signal);
          },
        }),
      });`,
    );
    const containers = () => readdirSync(join(folder, 'store', 'containers')).filter((name) => name.length === 64);
    for (const [signal, twice] of [
      ['SIGTERM', ''],
      ['SIGKILL', 'guardian too'],
    ] as const) {
      const args = ['ended.mjs', signal, twice];
      const ended = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
      assert.is(ended.signal, signal, ended.stderr);
      for (let waited = 0; containers().length > 0 && waited < 20_000; waited += 20) await sleep(20);
      assert.equal(containers(), [], `${signal} ${twice}`);
    }
  });
}

test.run();
