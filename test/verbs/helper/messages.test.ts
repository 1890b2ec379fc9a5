import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { isEvent } from '../../../src/events.ts';
import { startHelper } from '../../../src/host/start/start-helper.ts';
import { parseMessage } from '../../../src/host/stdio/read-messages.ts';
import { receiveError } from '../../../src/sys/portable-error.ts';
import { type FileMessage, isFileMessage, isFileRequest } from '../../../src/verbs/helper/file-request.ts';
import { isRemoveMessage } from '../../../src/verbs/helper/remove-trees.ts';
import { isUnpackMessage, isUnpackRequest } from '../../../src/verbs/helper/unpack-request.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('verbs/helper/messages');
const PROGRAMS = join(import.meta.dirname, '..', '..', '..', 'src', 'programs');
const DIGEST = `sha256:${'a'.repeat(64)}`;

const UNPACK = {
  layers: [{ label: 'one', diffId: DIGEST, size: 3, digest: DIGEST }],
  into: { kind: 'flat', destination: '/tmp/x' },
  settings: { ownership: 'set', limits: { maxSize: 10 } },
};
const REPORT = { destination: '/tmp/x', layers: 1, names: 2, tolerated: [['devices', 1]] };
const STEP = { do: 'root', root: { kind: 'directory', path: '/x' }, userXattr: false, attributes: [] };
const COPY_OUT = { do: 'copy-out', root: { kind: 'mount', step: STEP, volumes: [] }, path: '/a', follow: true };

/** Yields copies of `value` in which one field is missing or has a wrong type. */
function* garbled(value: object): Generator<object> {
  for (const [name, field] of Object.entries(value)) {
    yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
    yield { ...value, [name]: typeof field === 'number' ? '7' : 7 };
    if (typeof field !== 'object' || Array.isArray(field)) continue;
    for (const part of garbled(field)) yield { ...value, [name]: part };
  }
}

test('a message with a field that is missing or of a wrong type is not taken', () => {
  const into = { kind: 'flat', destination: '/tmp/x' };
  for (const [isMessage, message] of [
    [isFileRequest, COPY_OUT],
    [isFileRequest, { do: 'copy-in', root: { kind: 'running' }, path: '/a', what: 'file', keepOwners: true }],
    [isFileMessage, { kind: 'change', change: { kind: 'added', path: 'a' } }],
    [isFileRequest, { do: 'sizes', paths: ['/a'] }],
    [isFileMessage, { kind: 'size', path: '/a', bytes: 1 }],
    [isFileMessage, { kind: 'event', event: { kind: 'warning', message: 'a' } }],
    [isUnpackRequest, { layers: [], into, settings: {} }],
    [isUnpackMessage, { kind: 'done', report: REPORT }],
    [isRemoveMessage, { kind: 'removed', bytes: 1 }],
    [isRemoveMessage, { kind: 'kept', path: '/a', error: {} }],
    [isEvent, { kind: 'blob-done', digest: DIGEST, size: 1, reused: false }],
  ] as const) {
    assert.ok(isMessage(message), JSON.stringify(message));
    // An error is read by `receiveError`, which takes anything.
    const parts = Object.fromEntries(Object.entries(message).filter(([name]) => name !== 'error'));
    for (const wrong of garbled(parts)) assert.not.ok(isMessage(wrong), JSON.stringify(wrong));
  }
});

test('requests and reports are checked in all their parts', () => {
  assert.ok(isUnpackRequest(UNPACK));
  const [layer] = UNPACK.layers;
  for (const wrong of [
    { ...UNPACK, layers: [{ ...layer, digest: 'sha256:../../etc' }] },
    { ...UNPACK, layers: [{ ...layer, size: -1 }] },
    { ...UNPACK, settings: { ownership: 'give' } },
    { ...UNPACK, settings: { policy: { devices: 'maybe' } } },
    { ...UNPACK, into: { kind: 'bundle', destination: '/tmp/x', config: {} } },
    { ...UNPACK, into: { kind: 'elsewhere' } },
  ]) {
    assert.not.ok(isUnpackRequest(wrong), JSON.stringify(wrong));
  }
  assert.not.ok(isUnpackMessage({ kind: 'done', report: { ...REPORT, tolerated: [['devices']] } }));
  for (const value of [null, 7, 'changes', [], {}, { do: 'remove-all' }]) assert.not.ok(isFileRequest(value));
});

test('a text that is no message gives an error that shows its start', () => {
  for (const [sent, why] of [
    ['{"do": "chang', 'it is not JSON'],
    ['{"do":"changes"}', 'a field is missing or has a wrong type'],
  ] as const) {
    assert.throws(() => parseMessage(sent, isFileRequest), `cannot be understood (${sent}): ${why}`);
  }
});

/** Runs a program with `input` as its request, and returns its messages. */
async function answers(program: string, input: string | Uint8Array): Promise<readonly unknown[]> {
  const child = spawn(process.execPath, [join(PROGRAMS, `${program}.cjs`)], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe', 'pipe'],
  });
  const [control, status] = [child.stdio[3], child.stdio[4]];
  assert.ok(control instanceof Duplex && status instanceof Duplex);
  control.end(input);
  return (await text(status))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** Returns a request for unpack-helper, which is one stream of frames. */
function framed(request: string): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(Buffer.byteLength(request));
  return Buffer.concat([header, Buffer.from(request), Buffer.alloc(4)]);
}

test('each helper program answers a garbled request with an error, and does nothing', async () => {
  for (const [program, input] of [
    ['file-helper', '{"do":"copy-in","root":{"kind":"running"},"path":"/","what":"all"}'],
    ['remove-helper', '["relative/path"]'],
    ['unpack-helper', framed(JSON.stringify({ ...UNPACK, into: {} }))],
  ] as const) {
    const [message, ...more] = await answers(program, input);
    assert.equal(more, [], program);
    assert.ok(typeof message === 'object' && message !== null && 'error' in message, program);
    const error = receiveError(message.error);
    assert.ok(error instanceof TsimgError && error.code === 'LAUNCH_FAILED', program);
    assert.match(error.message, 'a message between two processes of tsimg cannot be understood');
  }
});

test('the caller fails where a helper sends something else than messages', async () => {
  for (const [script, why] of [
    ['echo Segmentation fault', 'it is not JSON'],
    [`echo '{"kind":"change","change":{"kind":"added"}}'`, 'a field is missing or has a wrong type'],
    ["printf '%300000d\\n' 1", 'more than 262144 bytes'],
  ] as const) {
    const args = ['/bin/sh', '-c', `exec >&4; ${script}`];
    const { messages, process } = await startHelper<FileMessage>(
      { namespaces: { idMap: undefined }, tools: {}, args },
      { isMessage: isFileMessage },
    );
    const error = await failureOf(messages.next(), 'LAUNCH_FAILED');
    assert.match(error.message, why);
    await process.ended;
  }
});

test.run();
