import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_CODES, TsimgError } from '../../../src/errors.ts';
import { copyImage } from '../../../src/image/copy.ts';
import { loadImage } from '../../../src/image/load.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openRegistrySink } from '../../../src/sinks/registry.ts';
import { openStoreSource } from '../../../src/sources/store.ts';
import { collect } from '../../../src/streams/collect.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { chance, pick } from '../../support/chance.ts';
import { makeImage, memorySource } from '../../support/image/image.ts';
import { type Fate, type Passed, startCuttingProxy } from '../../support/registry/cutting-proxy.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { RESPONSE_FAULTS } from '../../support/registry/response-fault.ts';
import { GATE_ACCOUNT, GATE_BASIC, tokenGate } from '../../support/registry/token-gate.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Pulls through a proxy that breaks answers by chance: each ends with the exact image, or with a documented error and
// without the name; a later pull into the same store ends right.

const test = suite('registry/faults/pulls');
const ENV = { HOME: '/nonexistent' };
const platform = parsePlatform('linux/amd64');
/** How many pulls are made; more by hand: TSIMG_PULLS=1000. */
const PULLS = Number(process.env.TSIMG_PULLS ?? 60);
const REFUSALS = [404, 408, 429, 500, 502, 503] as const;
/** What a server asks to wait; the day is longer than anybody waits. */
const WAITS = ['0', 'soon', '-1', 'Wed, 21 Oct 2015 07:28:00 GMT', '86400'] as const;
/** Milliseconds that one pull may take, with all its repetitions. */
const LONGEST = 30_000;
/** Bytes that the process may have in memory at the end. */
const MOST_MEMORY = 600 * 1024 * 1024;

/** The files below a store's blobs whose bytes have another digest than their name. */
function wrongBlobs(root: string): readonly string[] {
  const folder = join(root, 'blobs', 'sha256');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => {
    return (
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex') !== name
    );
  });
}

/** Reads the image of a name in a store, verified; undefined where there is no such name. */
async function stored(root: string, name: string): Promise<string | undefined> {
  const source = await openStoreSource(root);
  try {
    if ((await source.resolve(name)) === undefined) return undefined;
    const image = await loadImage(source, { name, platform });
    for (const layer of image.layers) await collect(await layer.open(), layer.descriptor.size, 'layer');
    return image.descriptor.digest;
  } finally {
    await source.close();
  }
}

if (haveTools('docker-registry')) {
  const registry = await startDockerRegistry();
  test.after(async () => registry[Symbol.asyncDispose]());

  test(`${PULLS} pulls with faults by chance`, async () => {
    const made = makeImage({ layers: [randomBytes(30_000), randomBytes(200_000)] });
    const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
    const sink = openRegistrySink(parseReference(`${registry.host}/faulty:1`), { env: ENV });
    await copyImage(image, sink, { names: ['1'] });
    await sink.close();

    const ends = new Map<string, number>();
    const faults = new Map<string, number>();
    let slowest = 0;
    for (let seed = 1; seed <= PULLS; seed++) {
      const random = chance(seed);
      const often = random() * 0.5;
      const withTokens = random() < 0.5;
      let isFaulty = true;
      await using foreign = await startCuttingProxy(registry.host, () => 'pass');
      const gate = tokenGate(() => `http://${proxy.host}`);
      const fault = (passed: Passed): Fate => {
        if (!isFaulty || random() >= often) return 'pass';
        const kind = random();
        if (kind < 0.15) {
          const wait = random() < 0.5 ? { 'retry-after': pick(WAITS, random()) } : {};
          return { status: pick(REFUSALS, random()), headers: wait };
        }
        if (kind < 0.2) return { status: 307, headers: { location: `${passed.path}?again=${random()}` } };
        if (kind < 0.3) return { status: 307, headers: { location: `http://${foreign.host}${passed.path}` } };
        const answer = pick(RESPONSE_FAULTS, random());
        // What a tag stands for is the registry's to say: only a digest tells that it lies.
        const isTag = passed.path.endsWith('/manifests/1');
        return { answer: isTag && /^(?:wrong-bytes|over-long)$/.test(answer) ? 'drip' : answer };
      };
      await using proxy = await startCuttingProxy(registry.host, (passed) => {
        if (withTokens && isFaulty && random() < 0.1) gate.expire();
        const refused = withTokens ? gate.judge(passed) : undefined;
        if (refused !== undefined) return refused;
        const fate = fault(passed);
        const name = typeof fate === 'object' ? ('answer' in fate ? fate.answer : String(fate.status)) : String(fate);
        faults.set(name, (faults.get(name) ?? 0) + 1);
        return fate;
      });
      const root = join(tempDir(), 'store');
      const byDigest = random() < 0.3;
      const name = `${proxy.host}/faulty${byDigest ? `@${made.descriptor.digest}` : ':1'}`;
      const pull = () =>
        pullToStore(parseReference(name), {
          env: ENV,
          root,
          platform,
          credentials: GATE_ACCOUNT,
          requests: { retries: 4, retryDelay: 1, timeouts: { connect: 2000, response: 500, idle: 300 } },
        });
      const begun = performance.now();
      let end = 'whole';
      try {
        await pull();
      } catch (error) {
        assert.instance(error, TsimgError, `seed ${seed}: ${error instanceof Error ? error.stack : error}`);
        end = (error as TsimgError).code;
        assert.ok(Object.hasOwn(ERROR_CODES, end));
      }
      const took = performance.now() - begun;
      slowest = Math.max(slowest, took);
      assert.ok(took < LONGEST, `seed ${seed}: ${took} ms`);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      assert.equal(wrongBlobs(root), [], `seed ${seed}: ${end}`);
      assert.is(await stored(root, name), end === 'whole' ? made.descriptor.digest : undefined, `seed ${seed}: ${end}`);
      isFaulty = false;
      if (end !== 'whole') {
        await pull();
        assert.is(await stored(root, name), made.descriptor.digest, `seed ${seed}: the pull after ${end}`);
      }
      // The account goes to the token server alone, and nothing of it to another origin.
      assert.equal(
        foreign.log.filter(({ headers }) => headers.authorization !== undefined).map(({ path }) => path),
        [],
      );
      for (const { path, headers } of withTokens ? proxy.log : []) {
        assert.ok(headers.authorization !== GATE_BASIC || path.startsWith('/token'), `seed ${seed}: ${path}`);
      }
      rmSync(root, { recursive: true, force: true });
    }
    const { maxRSS } = process.resourceUsage();
    if (process.env.TSIMG_PULLS !== undefined) {
      const sorted = (counts: ReadonlyMap<string, number>) => JSON.stringify(Object.fromEntries([...counts].sort()));
      console.log(`${sorted(ends)}\n${sorted(faults)}\nslowest ${Math.round(slowest)} ms, ${maxRSS >> 10} MiB`);
    }
    assert.ok(maxRSS * 1024 < MOST_MEMORY, `${maxRSS} KiB`);
    assert.ok((ends.get('whole') ?? 0) > PULLS / 4, JSON.stringify([...ends]));
    const expected =
      /^(?:whole|REGISTRY_(?:ERROR|UNREACHABLE)|(?:SIZE|DIGEST)_MISMATCH|(?:BLOB|IMAGE)_NOT_FOUND|DOCUMENT_INVALID|LIMIT_EXCEEDED|AUTHENTICATION_DENIED)$/;
    assert.equal(
      [...ends.keys()].filter((code) => !expected.test(code)),
      [],
    );
  });
}

test.run();
