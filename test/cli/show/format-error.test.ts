import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { displayName, escapeText, formatJson } from '../../../src/cli/show/escape.ts';
import { formatErrorDetails, formatErrorJson, formatErrorLine } from '../../../src/cli/show/format-error.ts';
import { TsimgError } from '../../../src/errors.ts';

const test = suite('cli/show/format-error');

test('an error is one line: what, where, why, hint', () => {
  const error = new TsimgError('DESTINATION_EXISTS', 'destination is not empty', {
    where: './rootfs',
    why: '3 entries',
    hint: 'use --force',
  });
  assert.is(formatErrorLine(error), 'tsimg: destination is not empty (./rootfs): 3 entries; use --force');
});

test('control bytes and bidirectional overrides from outside never reach the terminal', () => {
  const error = new TsimgError('TAR_INVALID', 'bad name', { where: 'a\u001b[31m\n\u202eb' });
  assert.is(formatErrorLine(error), 'tsimg: bad name (a\\x1b[31m\\x0a\\u202eb)');
  assert.is(escapeText('plain text, Ümläut 🐳'), 'plain text, Ümläut 🐳');
  assert.is(escapeText('\u{e0041}\ud800\u00ad'), '\\u{e0041}\\ud800\\xad');
});

test('a file name that is not UTF-8 is shown with its other bytes escaped', () => {
  assert.is(displayName('caf\u00c3\u00a9'), 'café');
  assert.is(displayName('caf\u00e9'), 'café');
  assert.is(displayName('\u009b31m'), '\\x9b31m');
});

test('JSON keeps its value, and has no characters that a terminal would obey', () => {
  const value = { 'a\u009b': ['\u202e\u{e0041}', '\u2028', 'é🐳'] };
  const text = formatJson(value, 2);
  assert.is(text, '{\n  "a\\u009b": [\n    "\\u202e\\udb40\\udc41",\n    "\\u2028",\n    "é🐳"\n  ]\n}');
  assert.equal(JSON.parse(text), value);
});

test('a message of a page is cut', () => {
  const error = new TsimgError('REGISTRY_ERROR', 'the registry answered with an error', { why: 'x'.repeat(100_000) });
  assert.ok(formatErrorLine(error).length < 1200);
});

test('--json has the stable code, the status and the facts', () => {
  const error = new TsimgError('SIZE_MISMATCH', 'content has the wrong size', { facts: { expected: 3, found: 4 } });
  const { error: shown } = JSON.parse(formatErrorJson(error, error.exitStatus));
  assert.is(shown.code, 'SIZE_MISMATCH');
  assert.is(shown.exitStatus, 5);
  assert.equal(shown.facts, { expected: 3, found: 4 });
});

test('--debug shows every cause', () => {
  const error = new TsimgError('FILESYSTEM', 'outer', { cause: new Error('inner') });
  assert.match(formatErrorDetails(error), /outer[\s\S]*caused by: Error: inner/);
});

test.run();
