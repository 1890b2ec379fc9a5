import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLogFile } from '../../../src/host/stdio/log-file.ts';
import { CAUGHT_UP, type LogEntry, readLog } from '../../../src/host/stdio/read-log.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('host/stdio/log-file');

async function* texts(directory: string): AsyncGenerator<string> {
  for await (const entry of readLog(directory)) if (entry !== CAUGHT_UP) yield entry.text.toString();
}

test('a log is read as it was written, byte for byte and stream for stream', async () => {
  const directory = tempDir();
  using log = openLogFile(directory);
  log.stdout.write('one\ntw');
  log.stderr.write(Buffer.from([0xff, 0x00, 0x0a]));
  log.stdout.write('o\n');
  log.stdout.write('unended');
  const entries: LogEntry[] = [];
  for await (const entry of readLog(directory)) if (entry !== CAUGHT_UP) entries.push(entry);
  const of = (stream: string) =>
    Buffer.concat(entries.filter((each) => each.stream === stream).map((each) => each.text));
  assert.is(of('stdout').toString(), 'one\ntwo\nunended');
  assert.equal([...of('stderr')], [0xff, 0x00, 0x0a]);
  assert.equal(
    entries.map(({ ends }) => ends),
    [true, false, true, true, false],
  );
});

test('a log has two files of bounded size, and keeps the last entries', async () => {
  const directory = tempDir();
  using log = openLogFile(directory, 4096);
  for (let line = 0; line < 1000; line += 1) log.stdout.write(`line ${line}\n`);
  assert.equal(readdirSync(directory).sort(), ['log', 'log.1']);
  for (const name of ['log', 'log.1']) assert.ok(statSync(join(directory, name)).size <= 4096, name);
  const lines = (await text(texts(directory))).trimEnd().split('\n');
  assert.is(lines.at(-1), 'line 999');
  assert.ok(lines.length > 50 && lines.length < 200, String(lines.length));
  assert.is(lines[0], `line ${1000 - lines.length}`);
});

test('an abort ends the reading of a log that has more', async () => {
  const directory = tempDir();
  using log = openLogFile(directory);
  for (let line = 0; line < 10_000; line += 1) log.stdout.write(`line ${line}\n`);
  const abort = new AbortController();
  let read = 0;
  const reading = async () => {
    for await (const _ of readLog(directory, undefined, abort.signal)) {
      read += 1;
      abort.abort();
    }
  };
  assert.is(await reading().catch((error: unknown) => error), abort.signal.reason);
  assert.ok(read < 5000, String(read));
});

test('a log begins a new file at 10 MiB by default', () => {
  const directory = tempDir();
  using log = openLogFile(directory);
  const write = (megabytes: number) => {
    for (let each = 0; each < megabytes; each += 1) log.stdout.write(Buffer.alloc(1024 ** 2 - 100, 'x'));
  };
  write(10);
  assert.equal(readdirSync(directory), ['log']);
  write(1);
  assert.equal(readdirSync(directory).sort(), ['log', 'log.1']);
});

test('a reader that follows a log loses nothing when it begins a new file', async () => {
  const directory = tempDir();
  using log = openLogFile(directory, 4096);
  let written = 0;
  const seen: string[] = [];
  const write = () => {
    for (let count = 0; count < 40; count += 1) {
      log.stdout.write(`line ${written}\n`);
      written += 1;
    }
  };
  write();
  for await (const entry of readLog(directory, async () => written < 400)) {
    if (entry === CAUGHT_UP) write();
    else seen.push(entry.text.toString());
  }
  assert.equal(
    seen,
    Array.from({ length: 400 }, (_, line) => `line ${line}\n`),
  );
});

test('a log that is opened again is continued', async () => {
  const directory = tempDir();
  for (const word of ['first', 'second']) {
    using log = openLogFile(directory);
    log.stdout.write(`${word}\n`);
  }
  assert.is(await text(texts(directory)), 'first\nsecond\n');
});

test('a line that a crash cut short, and a line in another format, are skipped', async () => {
  const directory = tempDir();
  writeFileSync(
    join(directory, 'log'),
    '\0\0\0\nnonsense\n2024-01-01T00:00:00.000Z stdout F good\n2024-01-01T00:00:00.0',
  );
  assert.is(await text(texts(directory)), 'good\n');
  assert.is(await text(texts(tempDir())), '');
});

test.run();
