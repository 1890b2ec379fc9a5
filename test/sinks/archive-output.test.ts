import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openArchiveOutput } from '../../src/sinks/archive-output.ts';
import { failureOf } from '../support/failure-of.ts';
import { tempDir } from '../support/temp-dir.ts';

const test = suite('sinks/archive-output');
const open = (path: string, content: string, replace?: boolean) =>
  openArchiveOutput(Readable.from([Buffer.from(content)]), { path, replace });

test('an archive that another writer has made meanwhile is not replaced', async () => {
  const folder = tempDir();
  const path = join(folder, 'out.tar');
  const outputs = [await open(path, 'one', false), await open(path, 'two', false)] as const;
  await outputs[0].commit();
  const error = await failureOf(outputs[1].commit(), 'DESTINATION_EXISTS');
  assert.is(error.where, path);
  await outputs[1].discard();
  assert.is(readFileSync(path, 'utf8'), 'one');
  assert.equal(readdirSync(folder), ['out.tar']);
});

test('an empty file is replaced, and any file where it may be', async () => {
  const path = join(tempDir(), 'out.tar');
  writeFileSync(path, '');
  await (await open(path, 'one', false)).commit();
  assert.is(readFileSync(path, 'utf8'), 'one');
  await failureOf(open(path, 'two', false), 'DESTINATION_EXISTS');
  await (await open(path, 'two', true)).commit();
  await (await open(path, 'three')).commit();
  assert.is(readFileSync(path, 'utf8'), 'three');
});

test('an archive in a stream is complete when the stream has passed it on, and its failure is told', async () => {
  for (const fault of [undefined, new Error('the reader is gone')]) {
    let passed = '';
    const stream = new Writable({
      write(chunk, _encoding, callback) {
        setTimeout(() => {
          passed += chunk;
          callback(passed === 'onetwo' ? fault : undefined);
        }, 20);
      },
    });
    stream.on('error', () => {});
    const archive = Readable.from([Buffer.from('one'), Buffer.from('two')]);
    const output = await openArchiveOutput(archive, { stream });
    if (fault === undefined) await output.commit();
    else assert.is(await output.commit().catch((error: unknown) => error), fault);
    assert.is(passed, 'onetwo');
    assert.is(stream.writableEnded, false);
  }
});

test.run();
