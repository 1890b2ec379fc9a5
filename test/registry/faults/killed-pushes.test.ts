import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MEDIA_TYPE } from '../../../src/oci/media-type.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openRegistryClient } from '../../../src/registry/client.ts';
import { openRegistrySink } from '../../../src/sinks/registry.ts';
import { pushImage } from '../../../src/verbs/registry/push.ts';
import { chance } from '../../support/chance.ts';
import { compiledCode } from '../../support/command/compiled-code.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { describe, makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { readBack } from '../../support/image/read-back.ts';
import { type CuttingProxy, startCuttingProxy } from '../../support/registry/cutting-proxy.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { freePort } from '../../support/registry/nginx.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// A push whose process is killed, or whose registry is: no name stands for a part, and the next push sends the rest.

const test = suite('registry/faults/killed-pushes');
const ENV = { HOME: '/nonexistent' };
const platform = parsePlatform('linux/amd64');
/** How many pushes are killed; more by hand: TSIMG_KILLED_PUSHES=200. */
const KILLED = Number(process.env.TSIMG_KILLED_PUSHES ?? 20);
/** What a request counts beside the bytes of its body, for the moment of the end. */
const REQUEST = 100_000;
const REFUSED = 'connection refused';

const progressOf = ({ log }: CuttingProxy) => log.reduce((sum, { bytes }) => sum + bytes + REQUEST, 0);

/** Bytes that were sent for blobs. */
const sentIn = ({ log }: CuttingProxy) =>
  log.filter(({ path }) => path.includes('/uploads/')).reduce((sum, { bytes }) => sum + bytes, 0);

if (haveTools('docker-registry')) {
  const registry = await startDockerRegistry();
  test.after(async () => registry[Symbol.asyncDispose]());

  const wholeAt = (repository: string) => readBack(`${registry.host}/${repository}:1`);

  /** Pushes by a process of its own, and kills it when so much has gone through the proxy. Undefined where it ended. */
  const killAt = async (proxy: CuttingProxy, source: string, name: string, moment: number) => {
    const args = ['--', MAIN, 'push', '-q', '--chunk-size', '700k', source, `${proxy.host}/${name}`];
    const env = { PATH: process.env.PATH, TSIMG_ROOT: join(tempDir(), 'store'), ...compiledCode(undefined), ...ENV };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    while (!isOver && progressOf(proxy) < moment) await sleep(1);
    child.kill('SIGKILL');
    return ended;
  };

  test(`${KILLED} pushes that are killed at any moment leave no name of a part, and are taken up`, async () => {
    let killed = 0;
    let saved = 0;
    let total = 0;
    for (let seed = 1; seed <= KILLED; seed++) {
      const made = makeImage({ layers: [randomBytes(400_000), randomBytes(1_500_000), randomBytes(900_000)] });
      const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, '1')], made.blobs);
      const name = `killed/${seed}`;
      const all = [...made.blobs].filter(([digest]) => digest !== made.descriptor.digest);
      const size = all.reduce((sum, [, { length }]) => sum + length, 0);
      {
        await using proxy = await startCuttingProxy(registry.host, () => 'pass');
        const moment = chance(seed)() * (size + 20 * REQUEST);
        if ((await killAt(proxy, `oci:${layout}:1`, `${name}:1`, moment)) === 'SIGKILL') killed += 1;
      }
      const found = await wholeAt(name);
      assert.ok(found === undefined || found === made.descriptor.digest, `seed ${seed}`);
      const client = openRegistryClient({ registry: registry.host, repository: name }, { env: ENV });
      let missing = 0;
      for (const [, bytes] of all) {
        if (!(await client.hasBlob(describe(MEDIA_TYPE.ociLayer, bytes)))) missing += bytes.length;
      }
      client.close();
      await using proxy = await startCuttingProxy(registry.host, () => 'pass');
      const reference = parseReference(`${proxy.host}/${name}:1`);
      const { bytesTransferred } = await pushImage(`oci:${layout}:1`, reference, { env: ENV, platform });
      assert.is(sentIn(proxy), bytesTransferred, `seed ${seed}: nothing is sent twice`);
      // The registry may have finished a blob of the killed push since it was asked.
      assert.ok(bytesTransferred <= missing, `seed ${seed}: only what is missing is sent`);
      assert.is(await wholeAt(name), made.descriptor.digest, `seed ${seed}`);
      saved += size - bytesTransferred;
      total += size;
    }
    if (process.env.TSIMG_KILLED_PUSHES !== undefined) {
      console.log(`${killed} of ${KILLED} were killed; ${saved} of ${total} bytes were not sent again`);
    }
    assert.ok(killed > KILLED / 2, `${killed} of ${KILLED} were killed`);
    assert.ok(saved > 0, 'some of them had sent a blob');
  });

  test('a registry that is killed amid a push, and started again, gets the whole image', async () => {
    const data = tempDir();
    const port = await freePort();
    const first = await startDockerRegistry({ data, port });
    let second: Promise<typeof first> | undefined;
    const retries: string[] = [];
    const restart = async () => {
      await first[Symbol.asyncDispose]();
      // So long, connections are refused.
      for (let i = 0; i < 1000 && !retries.includes(REFUSED); i++) await sleep(20);
      return startDockerRegistry({ data, port });
    };
    const bytes = randomBytes(6_000_000);
    const descriptor = describe(MEDIA_TYPE.ociLayer, bytes);
    const sink = openRegistrySink(parseReference(`${first.host}/restarted:1`), {
      env: ENV,
      requests: { retries: 9, retryDelay: 100 },
      chunkSize: 1_000_000,
      onEvent: (event) => void (event.kind === 'retry' && retries.push(event.why)),
    });
    async function* content() {
      for (let at = 0; at < bytes.length; at += 100_000) {
        if (at >= 3_500_000) second ??= restart();
        yield bytes.subarray(at, at + 100_000);
        await sleep(2);
      }
    }
    try {
      await sink.write(descriptor, async () => Readable.from(content(), { objectMode: false }));
      assert.ok(await sink.has(descriptor));
      assert.ok(retries.includes(REFUSED), retries.join());
    } finally {
      await sink.close();
      await first[Symbol.asyncDispose]();
      await (await second)?.[Symbol.asyncDispose]();
    }
  });
}

test.run();
