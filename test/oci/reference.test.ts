import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import {
  formatFamiliar,
  formatReference,
  formatRegistryName,
  parseReference,
  parseRegistryName,
} from '../../src/oci/reference.ts';

const HEX = 'a'.repeat(64);
const test = suite('oci/reference');

test('a short name means Docker Hub, its library and latest', () => {
  assert.is(formatReference(parseReference('alpine')), 'docker.io/library/alpine:latest');
  assert.is(formatReference(parseReference('alpine:3.9')), 'docker.io/library/alpine:3.9');
  assert.is(formatReference(parseReference('grafana/grafana')), 'docker.io/grafana/grafana:latest');
  assert.is(formatReference(parseReference('docker.io/alpine')), 'docker.io/library/alpine:latest');
  assert.is(formatReference(parseReference('index.docker.io/library/alpine')), 'docker.io/library/alpine:latest');
});

test('the first component is a host if it has a dot or a port, is localhost, or has capitals', () => {
  assert.is(parseReference('localhost/app').registry, 'localhost');
  assert.is(parseReference('localhost:5000/app').registry, 'localhost:5000');
  assert.is(parseReference('127.0.0.1:5000/a/b:c').repository, 'a/b');
  assert.is(parseReference('[::1]:5000/app').registry, '[::1]:5000');
  assert.is(parseReference('example.com/app').registry, 'example.com');
  assert.is(parseReference('HOST/app').registry, 'HOST');
  assert.is(parseReference('host/app').registry, 'docker.io');
});

test('a host in another spelling is the same; another port, and a single word with capitals, is not', () => {
  for (const text of [
    'Docker.IO/alpine',
    'INDEX.docker.io/alpine',
    'registry-1.docker.io/alpine',
    'docker.io:443/alpine',
  ]) {
    assert.is(formatReference(parseReference(text)), 'docker.io/library/alpine:latest', text);
  }
  assert.is(parseReference('GHCR.io/team/app').registry, 'ghcr.io');
  assert.is(parseReference('LocalHost:5000/app').registry, 'localhost:5000');
  assert.is(parseReference('[2001:DB8::1]:5000/app').registry, '[2001:db8::1]:5000');
  // Without TLS, a port of its own is another server.
  assert.is(parseReference('ghcr.io:443/app').registry, 'ghcr.io:443');
  // In lower case, it would be a name on Docker Hub.
  assert.is(formatReference(parseReference('Team/app')), 'Team/app:latest');
});

test('a colon after the last slash is a tag, before it a port', () => {
  assert.equal(parseReference('example.com:80/app'), {
    registry: 'example.com:80',
    repository: 'app',
    tag: 'latest',
    digest: undefined,
  });
  assert.is(parseReference('app:80').tag, '80');
});

test('a digest needs no tag, and a tag beside it is kept', () => {
  assert.is(parseReference(`alpine@sha256:${HEX}`).tag, undefined);
  assert.is(formatReference(parseReference(`alpine:3.9@sha256:${HEX}`)), `docker.io/library/alpine:3.9@sha256:${HEX}`);
});

test('the familiar form is what docker shows', () => {
  assert.is(formatFamiliar(parseReference('docker.io/library/alpine:3.9')), 'alpine:3.9');
  assert.is(formatFamiliar(parseReference('docker.io/grafana/grafana')), 'grafana/grafana:latest');
  assert.is(formatFamiliar(parseReference('example.com/app:1')), 'example.com/app:1');
});

test('a name of Docker Hub is shown complete where its short form would mean another image', () => {
  for (const name of ['docker.io/a.example/b:1', 'docker.io/localhost/b:1']) {
    assert.is(formatFamiliar(parseReference(name)), name);
  }
  assert.is(formatFamiliar(parseReference('docker.io/library/a/b:1')), 'library/a/b:1');
});

const INVALID = [
  '',
  ':',
  '@',
  '/',
  'a//b',
  '/a',
  'a/',
  'Alpine',
  'alpine:',
  'alpine:-x',
  `alpine:${'x'.repeat(129)}`,
  'a@sha256:abc',
  `a@sha256:${'A'.repeat(64)}`,
  `a@md5:${HEX}`,
  'a..b',
  'a___b',
  '-a',
  'a-',
  'example.com/../x',
  'exa mple.com/x',
  'host_x.com/a',
  'a:b@',
  'https://example.com/a',
  'a\nb',
  'a:b\u0000',
  'localhost:99999999/a',
  'docker.io./library/alpine',
  'a'.repeat(5000),
  `a/${'b'.repeat(255)}`,
];
for (const text of INVALID) {
  test(`${JSON.stringify(text).slice(0, 60)} is no reference`, () => {
    assert.throws(
      () => parseReference(text),
      (error: unknown) => error instanceof TsimgError && error.code === 'REFERENCE_INVALID',
    );
  });
}

test('what is no reference is told with the reason', () => {
  for (const [text, why] of [
    ['', /^not an image reference \(\): it is empty$/],
    ['alpine:', /: the tag behind the colon is empty$/],
    [`alpine:${'x'.repeat(129)}`, /: the tag is longer than 128 characters$/],
    [`alpine:${'x'.repeat(128)}!`, /: the tag is longer than 128 characters$/],
    [`alpine:!${'x'.repeat(128)}`, /: the tag has characters that a tag cannot have$/],
    ['https://example.com/a', /: a reference is no URL$/],
    ['Docker://alpine', /: a reference is no URL$/],
    ['host_x.com/a', /: the host name has characters that a host name cannot have$/],
  ] as const) {
    assert.throws(
      () => parseReference(text),
      (error: unknown) => error instanceof TsimgError && why.test(error.message),
      text.slice(0, 60),
    );
  }
  assert.throws(
    () => parseReference('https://example.com/a'),
    (error: unknown) => error instanceof TsimgError && error.hint === 'leave out https://',
  );
});

for (const [text, name] of [
  ['', 'docker.io'],
  ['docker.io', 'docker.io'],
  ['https://index.docker.io/v1/', 'docker.io'],
  ['registry-1.docker.io', 'docker.io'],
  ['docker.io/team', 'docker.io/team'],
  ['localhost', 'localhost'],
  ['localhost:5000/', 'localhost:5000'],
  ['[::1]:5000', '[::1]:5000'],
  ['https://r.test/v2/', 'r.test'],
  ['R.test/team', 'r.test/team'],
  ['https://Index.Docker.io:443/v1/', 'docker.io'],
  ['http://r.test:80', 'r.test:80'],
  ['r.test/team/app', 'r.test/team/app'],
] as const) {
  test(`login takes ${JSON.stringify(text)} for ${name}`, () => {
    assert.is(formatRegistryName(parseRegistryName(text)), name);
  });
}

for (const text of [
  'me',
  'me/app',
  'r.test/Team',
  'r.test/a:1',
  'r.test//',
  'me:secret@r.test',
  'r_x.test',
  '-u',
  'a\nb.c',
]) {
  test(`login takes no ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseRegistryName(text),
      (error: unknown) => error instanceof TsimgError && error.code === 'REFERENCE_INVALID',
    );
  });
}

test.run();
