import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { localReader } from '../../../src/disk/read/layer-reader.ts';
import { ReadingCount } from '../../../src/disk/read/read-verified.ts';
import { newSpending } from '../../../src/streams/byte-budget.ts';
import { CHUNK_BYTES, giveChunks, takeChunk } from '../../../src/streams/chunk-memory.ts';
import { failureOf } from '../../support/failure-of.ts';
import { file, tarOf } from '../../support/image/tar.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('disk/read/layer-reader');

test('after a layer has failed, its memory and descriptor are left alone: another may have them', async () => {
  const archive = tarOf(
    ...Array.from({ length: 200 }, (_, index) =>
      file(`f${index}`, Buffer.concat([randomBytes(50_000), Buffer.alloc(80_000)])),
    ),
  );
  const blob = gzipSync(archive, { level: 1 });
  const path = join(tempDir(), 'layer');
  writeFileSync(path, blob);
  const descriptor = openSync(path, 'r');
  const reader = localReader(new ReadingCount(new SharedArrayBuffer(4)));
  const from = { descriptor, offset: 0, size: blob.length, digest: digestOf(blob), blob: 'layer' };
  const untouched = Buffer.alloc(CHUNK_BYTES, 0xaa);
  try {
    for (let maxSize = 2_000_000; maxSize < 24_000_000; maxSize += 1_000_000) {
      let told = 0;
      const onBytes = () => {
        told += 1;
      };
      const limits = { maxSize };
      const options = {
        pool: undefined,
        firstBody: 0,
        where: 'layer',
        limits,
        spending: newSpending(),
        isPromised: true,
      };
      const context = { options, signal: undefined, onBytes, onTrailing: () => {} };
      await failureOf(reader.read(from, context), 'LIMIT_EXCEEDED');
      const before = told;
      const memory = Array.from({ length: 5 }, () => takeChunk().fill(0xaa));
      for (let turn = 0; turn < 20; turn += 1) await setImmediate();
      assert.is(told, before, `with ${maxSize} bytes`);
      for (const chunk of memory) assert.ok(chunk.equals(untouched), `with ${maxSize} bytes`);
      giveChunks(memory);
    }
  } finally {
    closeSync(descriptor);
  }
});

test.run();
