import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../src/crypto/digest.ts';
import { MEDIA_TYPE } from '../../src/oci/media-type.ts';
import { openRegistryClient } from '../../src/registry/client.ts';
import { nextPage } from '../../src/registry/pages.ts';

import { failureOf } from '../support/failure-of.ts';

const test = suite('registry/pages');
const PAGE = new URL('https://registry.example.com/v2/a/tags/list?n=2');
const next = (header: string | undefined) => {
  const following = nextPage(header, PAGE);
  return following?.kind === 'page' ? following.url.href : following;
};

test('the next page may be relative or absolute', () => {
  const href = 'https://registry.example.com/v2/a/tags/list?last=b&n=2';
  assert.is(next('</v2/a/tags/list?last=b&n=2>; rel="next"'), href);
  assert.is(next(`<${href}>; rel=next`), href);
  assert.is(next('<list?last=b&n=2>;rel="next"'), href);
});

test('only rel=next is the next page', () => {
  assert.is(next('</p>; rel="prev", </n>; title="a, b; rel=x"; rel="last next"'), 'https://registry.example.com/n');
  assert.is(next('</p>; rel="prev"'), undefined);
  assert.is(next('</p>; rel="nextish"'), undefined);
  assert.is(next('</p>; title="rel=next"'), undefined);
  assert.is(next(undefined), undefined);
});

test('the next page is asked of the same origin, for the credentials go with the request', () => {
  const elsewhere = (target: string) => ({ kind: 'elsewhere', target });
  assert.equal(next('<https://evil.example.com/v2/>; rel="next"'), elsewhere('https://evil.example.com/v2/'));
  assert.equal(next('<//evil.example.com/v2/>; rel="next"'), elsewhere('//evil.example.com/v2/'));
  assert.equal(next('<https://[>; rel="next"'), elsewhere('https://['));
  assert.equal(next('<data:x>; rel="next"'), elsewhere('data:x'));
  // A registry behind a proxy knows neither the scheme nor the port that the proxy has.
  const href = 'https://registry.example.com/v2/a/tags/list?last=b';
  for (const origin of [
    'http://registry.example.com',
    'https://registry.example.com:444',
    'https://u:p@registry.example.com',
  ])
    assert.is(next(`<${origin}/v2/a/tags/list?last=b>; rel="next"`), href);
  assert.is(
    next('<http://registry.example.com//evil.example.com/>; rel="next"'),
    'https://registry.example.com//evil.example.com/',
  );
});

test('a list may have a thousand pages; one whose pages never end is an error', async () => {
  let asked = 0;
  let last = 1000;
  const server = createServer((request, response) => {
    if (request.url === '/v2/') {
      response.writeHead(200).end();
      return;
    }
    asked += 1;
    response.writeHead(200, asked === last ? {} : { link: `</v2/a/tags/list?page=${asked}>; rel="next"` });
    response.end(JSON.stringify({ tags: [`t${asked}`] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = openRegistryClient({ registry: `127.0.0.1:${port}`, repository: 'a' }, { env: {} });
  try {
    assert.is((await client.tags())?.length, 1000);
    asked = 0;
    last = Number.POSITIVE_INFINITY;
    const { why } = await failureOf(client.tags(), 'REGISTRY_ERROR');
    assert.match(why ?? '', '1000 pages');
    assert.is(asked, 1000);
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
});

test('pages that are too long all together are refused, before the thousandth', async () => {
  const most = 32 * 1024 * 1024;
  const [name, digest] = ['t'.repeat(1000), digestOf('subject')];
  let [asked, sent] = [0, 0];
  const server = createServer((request, response) => {
    if (request.url === '/v2/') {
      response.writeHead(200).end();
      return;
    }
    asked += 1;
    const path = request.url?.split('?')[0] ?? '';
    const isTags = path.endsWith('/tags/list');
    const tags = Array.from({ length: 2000 }, (_, index) => `${asked}-${index}-${name}`);
    const entry = { mediaType: MEDIA_TYPE.ociManifest, size: 2, digest, annotations: { a: name.repeat(1000) } };
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [entry] };
    const body = JSON.stringify(isTags ? { tags } : index);
    sent += body.length;
    response.writeHead(200, { link: `<${path}?page=${asked}>; rel="next"`, 'content-type': MEDIA_TYPE.ociIndex });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = openRegistryClient({ registry: `127.0.0.1:${port}`, repository: 'a' }, { env: {} });
  try {
    for (const ask of [() => client.tags(), () => client.referrers(digest)]) {
      sent = 0;
      const { why, hint } = await failureOf(ask(), 'LIMIT_EXCEEDED');
      assert.match(why ?? '', `more than ${most} bytes`);
      assert.match(hint ?? '', '--max-document');
      assert.ok(sent < 1.2 * most, `${sent} bytes were taken`);
    }
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
});

test.run();
