import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { lookasideOf, parseLookasides } from '../../../src/verify/policy/registries-d.ts';

const test = suite('verify/policy/registries-d');

const read = (...texts: readonly string[]) =>
  parseLookasides(texts.map((text, index) => ({ path: `/r/${index}.yaml`, text })));

function fault(...texts: readonly string[]): string {
  try {
    read(...texts);
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'POLICY_INVALID') throw error;
    return `${error.where}: ${error.why}`;
  }
  throw new Error('it should be refused');
}

test('the most specific scope that has a lookaside counts, then the default', () => {
  const places = read(
    'default-docker:\n  lookaside: file:///default\n',
    [
      'docker:',
      '  h.example: { lookaside: "https://l.example/h" }',
      '  h.example/a: { lookaside: "https://l.example/a", use-sigstore-attachments: true }',
      '  h.example/a/b: { lookaside-staging: "file:///staging" }',
      '  h.example/a/b:special: { lookaside: "https://l.example/special" }',
      '  "*.wild.example": { sigstore: "https://l.example/wild" }',
    ].join('\n'),
  );
  const of = (text: string) => lookasideOf(places, parseReference(text));
  assert.is(of('h.example/c'), 'https://l.example/h');
  assert.is(of('h.example/a/c:1'), 'https://l.example/a');
  assert.is(of('h.example/ab'), 'https://l.example/h');
  assert.is(of('h.example/a/b:1'), 'https://l.example/a', 'a scope without a lookaside is passed over');
  assert.is(of('h.example/a/b:special'), 'https://l.example/special');
  assert.is(of('h.example:5000/a'), 'file:///default', 'a port makes another registry');
  assert.is(of('x.wild.example:5000/a'), 'https://l.example/wild');
  assert.is(of('busybox'), 'file:///default');
});

test('the older word for lookaside is read where the newer is absent', () => {
  const places = read('docker: { h.example: { sigstore: "file:///old", lookaside: "file:///new" } }');
  assert.is(lookasideOf(places, parseReference('h.example/a')), 'file:///new');
});

test('without a file, and with empty ones, nothing is configured', () => {
  for (const places of [read(), read('', '# nothing\n', 'docker: {}\n')]) {
    assert.is(lookasideOf(places, parseReference('busybox')), undefined);
  }
});

test('a scope that two files name is refused, and so is a second default', () => {
  assert.is(
    fault('docker: { a.example: { lookaside: "file:///a" } }', 'docker: { a.example: {} }'),
    '/r/1.yaml: the scope a.example stands in two files',
  );
  assert.match(fault('default-docker: {}', 'default-docker: {}'), /^\/r\/1\.yaml: default-docker stands in two files/);
});

test('a file that is not of the form is refused by its name', () => {
  assert.match(fault('docker: ['), /^\/r\/0\.yaml: it is not YAML/);
  assert.match(fault('docker: { a: { lookaside: "x" }, a: {} }'), /^\/r\/0\.yaml/);
  for (const text of ['- a', 'docker: [a]', 'docker: { a: { lookaside: [x] } }', 'default-docker: file:///a']) {
    assert.match(fault(text), /^\/r\/0\.yaml: it is not of the form/, text);
  }
});

test.run();
