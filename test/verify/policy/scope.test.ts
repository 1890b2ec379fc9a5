import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseReference } from '../../../src/oci/reference.ts';
import { parsePolicy } from '../../../src/verify/policy/document.ts';
import { requirementsFor, scopesOf } from '../../../src/verify/policy/scope.ts';
import type { PolicySubject } from '../../../src/verify/policy/subject.ts';

const test = suite('verify/policy/scope');

const DIGEST = `sha256:${'0'.repeat(64)}`;
const docker = (text: string): PolicySubject => ({ transport: 'docker', reference: parseReference(text) });

test('the scopes of a reference, the most specific first', () => {
  assert.equal(scopesOf(docker('h.a.example:5000/a/b/c:t')), [
    'h.a.example:5000/a/b/c:t',
    'h.a.example:5000/a/b/c',
    'h.a.example:5000/a/b',
    'h.a.example:5000/a',
    'h.a.example:5000',
    '*.a.example',
    '*.example',
    '',
  ]);
});

test('another spelling of a host does not escape from the scopes of that host', () => {
  const policy = parsePolicy(
    JSON.stringify({
      default: [{ type: 'insecureAcceptAnything' }],
      transports: { docker: { 'corp.example/team': [{ type: 'reject' }], '*.corp.example': [{ type: 'reject' }] } },
    }),
    'policy.json',
  );
  for (const text of ['corp.example/team/a', 'CORP.example/team/a', 'corp.example:443/team', 'A.Corp.example/x']) {
    assert.is(requirementsFor(policy, docker(text)).requirements[0]?.type, 'reject', text);
  }
  assert.is(requirementsFor(policy, docker('corp.example:8443/team')).scope, 'default');
});

test('a scope in another spelling holds for its host too, after one that is spelled as the reference', () => {
  const rejecting = (...scopes: readonly string[]) => {
    const docker = Object.fromEntries(scopes.map((scope) => [scope, [{ type: 'reject' }]]));
    const text = JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }], transports: { docker } });
    return parsePolicy(text, 'policy.json');
  };
  for (const [scope, text] of [
    ['Corp.example/team', 'Corp.example/team/a'],
    ['corp.example:443', 'corp.example/team/a'],
    ['*.Corp.example', 'a.corp.example/x'],
    ['registry-1.docker.io/library', 'registry-1.docker.io/library/alpine'],
    ['Index.docker.io', 'alpine'],
  ] as const) {
    assert.is(requirementsFor(rejecting(scope), docker(text)).requirements[0]?.type, 'reject', scope);
  }
  const both = rejecting('corp.example:443/a', 'corp.example/a');
  assert.is(requirementsFor(both, docker('corp.example/a')).scope, 'docker: corp.example/a');
  assert.is(requirementsFor(rejecting('corp.example:8443'), docker('corp.example/a')).scope, 'default');
});

test('a short name is looked up by its whole one', () => {
  assert.equal(scopesOf(docker('busybox')).slice(0, 4), [
    'docker.io/library/busybox:latest',
    'docker.io/library/busybox',
    'docker.io/library',
    'docker.io',
  ]);
});

test('a reference with a digest is looked up by that, also where it has a tag', () => {
  for (const text of [`h.example/a@${DIGEST}`, `h.example/a:t@${DIGEST}`]) {
    assert.equal(scopesOf(docker(text)).slice(0, 2), [`h.example/a@${DIGEST}`, 'h.example/a']);
  }
});

test('a host without domains, and an address of IPv6, have no wildcards', () => {
  assert.equal(scopesOf(docker('localhost:5000/a')), [
    'localhost:5000/a:latest',
    'localhost:5000/a',
    'localhost:5000',
    '',
  ]);
  assert.equal(scopesOf(docker('[::1]:5000/a')), ['[::1]:5000/a:latest', '[::1]:5000/a', '[::1]:5000', '']);
});

test('an image in files is looked up by its path and those above it, an archive of docker’s by none', () => {
  for (const transport of ['dir', 'oci', 'oci-archive'] as const) {
    assert.equal(scopesOf({ transport, path: '/a/b/c' }), ['/a/b/c', '/a/b', '/a', '']);
  }
  assert.equal(scopesOf({ transport: 'docker-archive' }), ['']);
});

test('the most specific scope counts alone, then the transport’s default, then that of all', () => {
  const accept = [{ type: 'insecureAcceptAnything' }];
  const reject = [{ type: 'reject' }];
  const policy = parsePolicy(
    JSON.stringify({
      default: reject,
      transports: { docker: { '': accept, 'h.example/a': reject, 'h.example/a/b': accept, '*.example': reject } },
    }),
    'policy.json',
  );
  const found = (subject: PolicySubject) => {
    const { scope, requirements } = requirementsFor(policy, subject);
    return [scope, requirements[0]?.type];
  };
  assert.equal(found(docker('h.example/a/b/c')), ['docker: h.example/a/b', 'insecureAcceptAnything']);
  assert.equal(found(docker('h.example/a/c')), ['docker: h.example/a', 'reject']);
  assert.equal(found(docker('h.example/ab')), ['docker: *.example', 'reject']);
  assert.equal(found(docker('example/a')), ['docker: ""', 'insecureAcceptAnything']);
  assert.equal(found({ transport: 'dir', path: '/a' }), ['default', 'reject']);
});

test.run();
