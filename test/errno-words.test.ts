import { openSync, readdirSync, realpathSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ERRNO_WORDS } from '../src/errno-words.data.ts';
import { errnoOf, messageOf, TsimgError } from '../src/errors.ts';
import { formatSchemaIssue } from '../src/schema/schema-issue.ts';
import * as z from '../src/schema/zod.ts';
import { ERRNO_NAMES } from '../src/sys/errno.data.ts';
import { nodeCallError, refusedCall } from '../src/sys/refused-call.ts';

const test = suite('errno-words');

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('it does not throw');
}

test('an errno, or Node’s sentence about one, becomes plain words, and the error keeps its own hint', () => {
  for (const why of ['EACCES', "EACCES: permission denied, open '/x'", 'spawn /x EACCES']) {
    const error = new TsimgError('FILESYSTEM', 'cannot open it', { where: '/x', why });
    assert.is(error.message, 'cannot open it (/x): permission is denied');
    assert.match(error.hint ?? '', /who owns it/);
  }
  assert.is(new TsimgError('FILESYSTEM', 'no', { why: 'EACCES', hint: 'mine' }).hint, 'mine');
  assert.is(new TsimgError('FILESYSTEM', 'no', { why: 'EVERYTHING is lost' }).why, 'EVERYTHING is lost');
  assert.is(messageOf(thrownBy(() => openSync('/nonexistent', 'r'))), 'there is no such file or directory');
});

test('an error of a system call shows no errno, and names the operation', () => {
  for (const errno of Object.values(ERRNO_NAMES)) {
    if (!Object.hasOwn(ERRNO_WORDS, errno)) continue;
    for (const call of ['openat2', 'move_mount', 'unshare(CLONE_NEWUSER)', 'setgroups', 'never_heard_of']) {
      const error = refusedCall(call, errno, '/x');
      assert.not.match(error.message, /\bE[A-Z]{3,}\b| failed/);
      assert.match(error.what, /^cannot /);
      assert.equal(error.facts, { call, errno });
    }
  }
});

test('an error of Node’s functions becomes ours, with its path', () => {
  const error = nodeCallError(thrownBy(() => readdirSync('/etc/passwd/x')));
  assert.is(error?.message, 'cannot list a directory (/etc/passwd/x): a part of the path is not a directory');
  assert.is(error && errnoOf(error), 'ENOTDIR');
  assert.is(nodeCallError(thrownBy(() => realpathSync('/nonexistent')))?.where, '/nonexistent');
  assert.is(nodeCallError(new Error('x')), undefined);
  assert.is(nodeCallError(error), undefined);
});

test('a schema’s error names the field, the kind of its value, and the expected kind', () => {
  const schema = z.strictObject({
    list: z.array(z.object({ name: z.string().check(z.refine((text) => text !== 'bad', { error: 'not a name' })) })),
    kind: z.optional(z.enum(['a', 'b'])),
    either: z.optional(z.union([z.string(), z.number()])),
    small: z.optional(z.int().check(z.gte(1), z.lte(3))),
    form: z.optional(z.string().check(z.regex(/^x/))),
  });
  const told = (value: unknown) => {
    const result = schema.safeParse(value);
    return result.success ? '' : formatSchemaIssue(result.error, value);
  };
  assert.is(told({}), 'field list is missing');
  assert.is(told([]), 'it is a list, but must be an object');
  assert.is(told({ list: null }), 'field list is null, but must be a list');
  assert.is(told({ list: [{ name: 'x' }, {}] }), 'field list[1].name is missing');
  assert.is(told({ list: [{ name: 5 }] }), 'field list[0].name is a number, but must be a text');
  assert.is(told({ list: [{ name: 'bad' }] }), 'field list[0].name: not a name');
  assert.is(told({ list: [], kind: 'c' }), 'field kind is "c", but must be one of a, b');
  assert.is(told({ list: [], kind: 7 }), 'field kind is 7, but must be one of a, b');
  assert.is(told({ list: [], kind: 'x'.repeat(41) }), 'field kind is a text, but must be one of a, b');
  assert.is(told({ list: [], either: true }), 'field either is true or false, but must be another kind of value');
  assert.is(told({ list: [], small: 0 }), 'field small must be 1 at least');
  assert.is(told({ list: [], small: 1.5 }), 'field small is a number, but must be a whole number');
  assert.is(told({ list: [], form: 'y' }), 'field form: not well-formed');
  assert.is(told({ list: [], more: 1 }), 'field more: not known');
});

test.run();
