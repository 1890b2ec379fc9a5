import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { parseSourceSpec } from '../../src/sources/parse-spec.ts';

const test = suite('sources/parse-spec');

const codeOf = (text: string) => {
  try {
    parseSourceSpec(text);
  } catch (error) {
    return error instanceof TsimgError ? error.code : 'other';
  }
  return 'none';
};

test('- is standard input; text that begins with / or . is a path; a word may be either', () => {
  assert.equal(parseSourceSpec('-'), { kind: 'stdin' });
  assert.equal(parseSourceSpec('/a:b'), { kind: 'path', path: '/a:b' });
  assert.equal(parseSourceSpec('./a'), { kind: 'path', path: './a' });
  assert.equal(parseSourceSpec('alpine:3.9'), { kind: 'word', text: 'alpine:3.9' });
  assert.equal(parseSourceSpec('images/a.tar'), { kind: 'word', text: 'images/a.tar' });
});

test('the image’s name follows the first colon of a transport’s path', () => {
  const transport = 'docker-archive';
  assert.equal(parseSourceSpec('docker-archive:a.tar:alpine:3.9'), {
    kind: 'transport',
    transport,
    path: 'a.tar',
    name: 'alpine:3.9',
  });
  assert.equal(parseSourceSpec('docker-archive:a.tar'), {
    kind: 'transport',
    transport,
    path: 'a.tar',
    name: undefined,
  });
  assert.equal(parseSourceSpec('dir:a:b'), { kind: 'transport', transport: 'dir', path: 'a:b', name: undefined });
});

test('docker:// is a reference in a registry, store: a name in the store', () => {
  const spec = parseSourceSpec('docker://alpine');
  assert.ok(spec.kind === 'registry' && spec.reference.repository === 'library/alpine');
  assert.equal(parseSourceSpec('store:alpine'), { kind: 'store', name: 'alpine' });
});

test('empty text is refused', () => {
  assert.is(codeOf(''), 'USAGE');
  assert.is(codeOf('oci:'), 'USAGE');
  assert.is(codeOf('a\0b'), 'USAGE');
  assert.is(codeOf('docker://NOT A NAME'), 'REFERENCE_INVALID');
  assert.is(codeOf('docker-daemon:alpine:3'), 'FORMAT_UNSUPPORTED');
});

test('a digest may follow @, a place in the list :@', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const of = (text: string) => {
    const spec = parseSourceSpec(text);
    return spec.kind === 'transport' ? [spec.path, spec.name] : [];
  };
  assert.equal(of(`oci:/a/layout@${digest}`), ['/a/layout', digest]);
  assert.equal(of(`oci:/a@b/layout@${digest}`), ['/a@b/layout', digest]);
  assert.equal(of(`oci:/a/layout:tag@${digest}`), ['/a/layout', `tag@${digest}`]);
  assert.equal(of('docker-archive:a.tar:@1'), ['a.tar', '@1']);
  assert.equal(of('oci:/a@b'), ['/a@b', undefined]);
});

test.run();
