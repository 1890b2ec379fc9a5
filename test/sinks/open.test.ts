import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatReference } from '../../src/oci/reference.ts';
import { parseSinkSpec } from '../../src/sinks/open.ts';
import { failureOf } from '../support/failure-of.ts';

const test = suite('sinks/open');

test('a SINK is skopeo’s transport, the store, or the reference of a registry', () => {
  assert.equal(parseSinkSpec('oci:/srv/layout:1.0'), { kind: 'oci', path: '/srv/layout', name: '1.0' });
  assert.equal(parseSinkSpec('oci:layout'), { kind: 'oci', path: 'layout', name: undefined });
  assert.equal(parseSinkSpec('oci-archive:a.tar:x'), { kind: 'oci-archive', path: 'a.tar', name: 'x' });
  const name = 'docker.io/library/a:1';
  assert.equal(parseSinkSpec(`docker-archive:a.tar:${name}`), { kind: 'docker-archive', path: 'a.tar', name });
  assert.equal(parseSinkSpec('store:alpine'), { kind: 'store', name: 'docker.io/library/alpine:latest' });
  for (const text of ['localhost:5000/app:1', 'docker://localhost:5000/app:1']) {
    const spec = parseSinkSpec(text);
    assert.is(spec.kind === 'registry' && formatReference(spec.reference), 'localhost:5000/app:1');
  }
});

test('a path without a form, and a transport that is not written, are refused with the forms that are', async () => {
  for (const text of ['', './layout', '/srv/a.tar', 'dir:/srv/a', 'docker-daemon:a:1', 'oci:', 'oci::1']) {
    const error = await failureOf(
      Promise.resolve().then(() => parseSinkSpec(text)),
      'USAGE',
    );
    assert.match(error.hint ?? '', /oci-archive:FILE/);
  }
});

test('names that other tools do not take are refused', async () => {
  for (const text of ['oci:base:a b', 'oci-archive:a.tar:a\u001b[1m', 'oci:base:-a', 'docker-archive:a.tar:UPPER/x']) {
    const error = await failureOf(
      Promise.resolve().then(() => parseSinkSpec(text)),
      'USAGE',
    );
    assert.match(error.why ?? '', /cannot have$|lower case/);
  }
  for (const name of ['docker.io/library/a:1', 'a@sha256:ab', 'A--b+c', 'localhost:5000/a-b:1']) {
    assert.equal(parseSinkSpec(`oci:base:${name}`), { kind: 'oci', path: 'base', name });
  }
  assert.is(parseSinkSpec('docker-archive:a.tar:localhost/x').kind, 'docker-archive');
});

test('a word with the end of an archive’s name is no repository on Docker Hub, unless docker:// says so', async () => {
  for (const text of ['x.tar', 'dir/x.tar.gz', 'x.tgz', 'dir/x.tar:1']) {
    const error = await failureOf(
      Promise.resolve().then(() => parseSinkSpec(text)),
      'USAGE',
    );
    assert.match(error.hint ?? '', /docker-archive:FILE/);
  }
  assert.is(parseSinkSpec('docker://x.tar').kind, 'registry');
  assert.is(parseSinkSpec('registry.example/x.tar').kind, 'registry');
});

test.run();
