import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpRequest, HttpResponse } from '../../../src/registry/http/http.ts';
import { followRedirects } from '../../../src/registry/http/redirect.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('registry/http/redirect');

/** Sends by a table of URL → target of its redirect; other URLs are answered 200. */
function send(table: Readonly<Record<string, string>>, log: HttpRequest[], plainHttp = false) {
  return followRedirects(async (request): Promise<HttpResponse> => {
    log.push(request);
    const location = table[request.url.href];
    const headers = location === undefined ? {} : { location };
    return { status: location === undefined ? 200 : 307, headers, url: request.url, body: Readable.from([]) };
  }, plainHttp);
}

const HEADERS = { Authorization: 'Bearer secret', cookie: 'c', range: 'bytes=5-9' };
const get = (href: string): HttpRequest => ({ method: 'GET', url: new URL(href), headers: HEADERS });

test('on the same origin credentials are sent within the registry’s interface, and nowhere else', async () => {
  const log: HttpRequest[] = [];
  const table = {
    'https://r.test/a': '/v2/b',
    'https://r.test/v2/b': '/storage/c',
    'https://r.test/storage/c': '/v2/d',
  };
  const response = await send(table, log)(get('https://r.test/a'));
  assert.is(response.url.href, 'https://r.test/v2/d');
  const bare = { range: 'bytes=5-9' };
  assert.equal(
    log.map(({ headers }) => headers),
    [HEADERS, HEADERS, bare, bare],
  );
});

test('another host, port or scheme gets no credentials, but everything else (CVE-2020-15157)', async () => {
  for (const target of ['https://cdn.test/b', 'https://r.test:444/b', 'https://sub.r.test/b', '//cdn.test/b']) {
    const log: HttpRequest[] = [];
    await send({ 'https://r.test/a': target }, log)(get('https://r.test/a'));
    assert.equal(log[1]?.headers, { range: 'bytes=5-9' }, target);
  }
  const log: HttpRequest[] = [];
  await send({ 'http://127.0.0.1/a': 'https://127.0.0.1/b' }, log)(get('http://127.0.0.1/a'));
  assert.equal(log[1]?.headers, { range: 'bytes=5-9' });
});

test('dropped credentials do not return with a redirect back', async () => {
  const log: HttpRequest[] = [];
  await send(
    { 'https://r.test/a': 'https://cdn.test/b', 'https://cdn.test/b': 'https://r.test/c' },
    log,
  )(get('https://r.test/a'));
  assert.equal(
    log.map(({ headers }) => headers?.Authorization),
    ['Bearer secret', undefined, undefined],
  );
});

test('credentials in the target are not used', async () => {
  const log: HttpRequest[] = [];
  await send({ 'https://r.test/a': 'https://u:p@cdn.test/b' }, log)(get('https://r.test/a'));
  assert.is(log[1]?.url.href, 'https://cdn.test/b');
});

test('a way from HTTPS to plain HTTP is refused, also to loopback, also with --tls-verify=false', async () => {
  for (const plainHttp of [false, true]) {
    for (const target of ['http://cdn.test/b', 'http://127.0.0.1/b']) {
      const sent = send({ 'https://r.test/a': target }, [], plainHttp)(get('https://r.test/a'));
      assert.is((await failureOf(sent, 'REGISTRY_ERROR')).why, 'from HTTPS to plain HTTP');
    }
  }
});

test('plain HTTP leads to plain HTTP elsewhere only where the user gave up TLS', async () => {
  const table = { 'http://127.0.0.1/a': 'http://cdn.test/b' };
  const refusal = await failureOf(send(table, [])(get('http://127.0.0.1/a')), 'REGISTRY_ERROR');
  assert.is(refusal.why, 'to plain HTTP on cdn.test');
  assert.is((await send(table, [], true)(get('http://127.0.0.1/a'))).status, 200);
});

test('a cycle of redirects, a missing target and other schemes are refused', async () => {
  const log: HttpRequest[] = [];
  await failureOf(send({ 'https://r.test/a': '/a' }, log)(get('https://r.test/a')), 'REGISTRY_ERROR');
  assert.is(log.length, 11);
  for (const target of ['https://[', 'file:///etc/passwd', 'unix:/run/docker.sock:/x']) {
    await failureOf(send({ 'https://r.test/a': target }, [])(get('https://r.test/a')), 'REGISTRY_ERROR');
  }
});

test('a form, which carries a secret, is not redirected', async () => {
  const log: HttpRequest[] = [];
  const request: HttpRequest = { method: 'POST', url: new URL('https://r.test/a'), body: 'refresh_token=secret' };
  assert.is((await send({ 'https://r.test/a': '/b' }, log)(request)).status, 307);
  assert.is(log.length, 1);
});

test.run();
