import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { copyImage } from '../../../src/image/copy.ts';
import { loadImage } from '../../../src/image/load.ts';
import { parsePlatform } from '../../../src/oci/platform.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openRegistrySink } from '../../../src/sinks/registry.ts';
import { chance, pick } from '../../support/chance.ts';
import { makeImage, memorySource } from '../../support/image/image.ts';
import { readBack } from '../../support/image/read-back.ts';
import { type Fate, type Passed, startCuttingProxy } from '../../support/registry/cutting-proxy.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { GATE_ACCOUNT, tokenGate } from '../../support/registry/token-gate.ts';
import { haveTools } from '../../support/tools.ts';

// Pushes through a proxy that breaks connections and refuses requests by chance: each ends with the whole image, or
// with an error and without the name.

const test = suite('registry/faults/pushes');
const ENV = { HOME: '/nonexistent' };
const platform = parsePlatform('linux/amd64');
/** How many pushes are made; more by hand: TSIMG_PUSHES=500. */
const PUSHES = Number(process.env.TSIMG_PUSHES ?? 40);
const REFUSALS = [404, 408, 416, 429, 500, 502, 503] as const;
const WAITS = ['0', 'soon', '-1', '86400'] as const;
const ANSWERS = ['cut-answer', 'stall', 'drip', 'truncated', 'over-long', 'endless', 'wrong-digest', 'gzip'] as const;

/** What happens to a request: faults are as frequent as the push says, so that some pushes fail in the end. */
function decideBy(random: () => number, faults: number, foreign: string): (passed: Passed) => Fate {
  return ({ path, headers }) => {
    if (random() >= faults) return 'pass';
    const kind = random();
    if (kind < 0.05) return { status: 307, headers: { location: `${path}${path.includes('?') ? '&' : '?'}again=1` } };
    if (kind < 0.15) return { status: 307, headers: { location: `http://${foreign}${path}` } };
    // The registry obeys, and its answer is lost, late or wrong.
    if (random() < 0.3) return { answer: pick(ANSWERS, random()) };
    if (Number(headers['content-length'] ?? 0) > 1 && random() < 0.5) return 'cut';
    const wait = random() < 0.2 ? { 'retry-after': pick(WAITS, random()) } : {};
    return { status: pick(REFUSALS, random()), headers: wait };
  };
}

if (haveTools('docker-registry')) {
  const registry = await startDockerRegistry();
  test.after(async () => registry[Symbol.asyncDispose]());

  test(`${PUSHES} pushes with faults by chance`, async () => {
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= PUSHES; seed++) {
      const random = chance(seed);
      const made = makeImage({ layers: [randomBytes(30_000), randomBytes(100_000)] });
      const image = await loadImage(memorySource(made.descriptor, made.blobs), { platform });
      await using foreign = await startCuttingProxy(registry.host, () => 'pass');
      const decide = decideBy(random, random() * 0.5, foreign.host);
      const gate = random() < 0.4 ? tokenGate(() => `http://${proxy.host}`) : undefined;
      await using proxy = await startCuttingProxy(registry.host, (passed) => {
        if (random() < 0.1) gate?.expire();
        return gate?.judge(passed) ?? decide(passed);
      });
      const name = `faulty/${seed}:1`;
      const chunkSize = random() < 0.3 ? 40_000 : undefined;
      const timeouts = { connect: 2000, response: 500, idle: 300 };
      const credentials = GATE_ACCOUNT;
      const options = { env: ENV, credentials, requests: { retries: 4, retryDelay: 1, timeouts }, chunkSize };
      const sink = openRegistrySink(parseReference(`${proxy.host}/${name}`), options);
      let end = 'whole';
      try {
        await copyImage(image, sink, { names: ['1'] });
      } catch (error) {
        assert.instance(error, TsimgError, `seed ${seed}: ${error}`);
        end = (error as TsimgError).code;
      } finally {
        await sink.close();
      }
      ends.set(end, (ends.get(end) ?? 0) + 1);
      assert.equal(
        foreign.log.filter(({ headers }) => headers.authorization !== undefined).map(({ path }) => path),
        [],
      );
      const found = await readBack(`${registry.host}/${name}`);
      // The answer to the last request may be lost after the registry has obeyed it.
      if (end === 'whole') assert.is(found, made.descriptor.digest, `seed ${seed}`);
      else assert.ok(found === undefined || found === made.descriptor.digest, `seed ${seed}`);
    }
    assert.ok((ends.get('whole') ?? 0) > PUSHES / 4, JSON.stringify([...ends]));
    if (process.env.TSIMG_PUSHES !== undefined) console.log(JSON.stringify([...ends]));
    ends.delete('whole');
    const codes = [...ends.keys()].filter(
      (code) => !/^(?:REGISTRY_ERROR|REGISTRY_UNREACHABLE|AUTHENTICATION_DENIED)$/.test(code),
    );
    assert.equal(codes, []);
  });
}

test.run();
