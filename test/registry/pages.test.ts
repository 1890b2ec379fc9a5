import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nextPage } from '../../src/registry/pages.ts';

const test = suite('registry/pages');
const PAGE = new URL('https://registry.example.com/v2/a/tags/list?n=2');
const next = (header: string | undefined) => nextPage(header, PAGE)?.href;

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

test('another host, scheme or port is never the next page, for the credentials go with the request', () => {
  assert.is(next('<https://evil.example.com/v2/>; rel="next"'), undefined);
  assert.is(next('<http://registry.example.com/v2/>; rel="next"'), undefined);
  assert.is(next('<https://registry.example.com:444/v2/>; rel="next"'), undefined);
  assert.is(next('<//evil.example.com/v2/>; rel="next"'), undefined);
  assert.is(next('<https://u:p@registry.example.com/v2/>; rel="next"'), undefined);
  assert.is(next('<https://[>; rel="next"'), undefined);
});

test.run();
