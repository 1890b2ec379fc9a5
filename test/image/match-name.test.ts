import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { idPrefixOf, matchName } from '../../src/image/match-name.ts';

const one = digestOf('one');
const two = digestOf('two');
const test = suite('image/match-name');

const candidates = [
  { names: ['docker.io/library/alpine:3.9'], digests: [one] },
  { names: ['localhost:5000/a/b:1', 'latest'], digests: [two] },
  { names: ['NOT A NAME'], digests: [] },
];
const match = (wanted: string, bareTags = true) =>
  matchName(candidates, wanted, { bareTags }).map((found) => candidates.indexOf(found));

test('short and complete spellings of a reference are the same', () => {
  for (const name of [
    'alpine:3.9',
    'library/alpine:3.9',
    'docker.io/alpine:3.9',
    'index.docker.io/library/alpine:3.9',
  ]) {
    assert.equal(match(name), [0], name);
  }
  assert.equal(match('alpine'), []);
});

test('a name that is no reference is matched by its text', () => {
  assert.equal(match('NOT A NAME'), [2]);
});

test('a bare tag names an image only where bare tags are enabled', () => {
  assert.equal(match('3.9'), [0]);
  assert.equal(match('1'), [1]);
  assert.equal(match('3.9', false), []);
});

test('a digest decides, but not across repositories', () => {
  assert.equal(match(one), [0]);
  assert.equal(match(`alpine@${one}`), [0]);
  assert.equal(match(`alpine:other@${one}`), [0]);
  assert.equal(match(`debian@${one}`), []);
});

test('a port is no tag', () => {
  assert.equal(match('5000'), []);
});

test('IDs are four hex digits or more, with or without their algorithm', () => {
  assert.is(idPrefixOf('055936d39205'), '055936d39205');
  assert.is(idPrefixOf('sha256:055936d39205'), '055936d39205');
  assert.is(idPrefixOf('abc'), undefined);
  assert.is(idPrefixOf('alpine'), undefined);
});

test.run();
