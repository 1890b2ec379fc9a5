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

test.run();
