import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseContainerPath } from '../../../src/cli/verb/container/cp.ts';
import { TsimgError } from '../../../src/errors.ts';
import { planPlacement, saysContents, saysDirectory } from '../../../src/verbs/helper/copy-rules.ts';

const test = suite('verbs/helper/copy-rules');

test('a slash, /. and /.. at the end mean a directory, and /. means its contents', () => {
  assert.equal(['a', 'a/', 'a/.', 'a/..', '.', '/', 'a.', '.a'].map(saysDirectory), [
    ...[false, true, true, true, true, true, false, false],
  ]);
  assert.equal(['a', 'a/', 'a/.', 'a/..', '.', '/', 'a.'].map(saysContents), [
    ...[false, false, true, false, true, true, false],
  ]);
});

test('a destination that does not exist becomes the source, or a directory with its contents', () => {
  const file = planPlacement('file', undefined, 'x');
  assert.equal([file.into, file.placeOf(['source'], 'x')], ['parent', ['x']]);
  assert.equal(planPlacement('directory', undefined, 'x').placeOf(['source', 'a'], 'x'), ['x', 'a']);
  assert.equal(planPlacement('contents', undefined, 'x').placeOf(['a'], 'x'), ['x', 'a']);
  assert.equal(planPlacement('directory', 'directory', 'x').placeOf(['source', 'a'], 'x'), ['source', 'a']);
});

test('only a file replaces a file, and only a regular one', () => {
  for (const what of ['directory', 'contents', 'archive'] as const) {
    assert.throws(() => planPlacement(what, 'file', 'x'), /not a directory/);
  }
  assert.throws(() => planPlacement('file', 'other', '/dev/null'), /neither a file nor a directory/);
  assert.throws(() => planPlacement('file', undefined, 'x/'), /no such directory/);
  assert.throws(() => planPlacement('archive', undefined, 'x'), /no such directory/);
});

test('a path that begins with a dot or a slash is a path of the host, also with colons', () => {
  assert.equal(parseContainerPath('name:a:b'), { container: 'name', path: 'a:b' });
  for (const text of ['./a:b', '../a:b', '/a:b', 'a', '-', ':a']) assert.is(parseContainerPath(text), undefined);
});

test('each refusal says what to do', () => {
  const cases = [
    ['file', undefined, 'x/', 'make it first, or name the file itself'],
    ['archive', undefined, 'x', 'make it first'],
    ['directory', 'file', 'x', 'name a directory'],
    ['file', 'file', 'x/', 'name the file itself to replace it'],
    ['file', 'other', 'x/', 'name a directory'],
    ['file', 'other', 'x', 'name another path'],
  ] as const;
  for (const [what, there, path, hint] of cases) {
    assert.throws(
      () => planPlacement(what, there, path),
      (error: unknown) => error instanceof TsimgError && error.hint === hint,
    );
  }
});

test.run();
