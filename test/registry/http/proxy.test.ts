import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { proxyFor } from '../../../src/registry/http/proxy.ts';

const test = suite('registry/http/proxy');
const ENV = { HTTPS_PROXY: 'http://proxy.test:3128', http_proxy: 'plain.test:80' };
const proxied = (url: string, more: Record<string, string> = {}) => proxyFor(new URL(url), { ...ENV, ...more })?.host;

test('the proxy is chosen by the scheme of the URL', () => {
  assert.is(proxied('https://registry.example.com/'), 'proxy.test:3128');
  assert.is(proxied('http://registry.example.com/'), 'plain.test');
  assert.is(proxyFor(new URL('https://registry.example.com/'), {}), undefined);
});

test('the name in lower case comes first', () => {
  assert.is(proxied('https://registry.example.com/', { https_proxy: 'http://lower.test:1' }), 'lower.test:1');
});

test('for plain HTTP the name in lower case counts alone: a server may have the header Proxy as HTTP_PROXY', () => {
  assert.is(proxyFor(new URL('http://a.example/'), { HTTP_PROXY: 'http://evil.test:1' }), undefined);
});

test('ALL_PROXY is for what has no proxy of its own', () => {
  assert.is(proxyFor(new URL('http://a.example/'), { ALL_PROXY: 'socks5://s.test' })?.href, 'socks5://s.test');
  assert.is(proxyFor(new URL('https://a.example/'), { all_proxy: 'socks5h://s.test:9' })?.host, 's.test:9');
  assert.is(proxied('https://a.example/', { ALL_PROXY: 'http://all.test:1' }), 'proxy.test:3128');
});

test('loopback is never sent through a proxy', () => {
  assert.is(proxied('https://localhost:5000/'), undefined);
  assert.is(proxied('http://127.0.0.1:5000/'), undefined);
});

test('NO_PROXY names domains with their subdomains, addresses, subnets and ports', () => {
  const cases: readonly (readonly [url: string, list: string, direct: boolean])[] = [
    ['https://registry.example.com/', '*', true],
    ['https://registry.example.com/', 'other.test, example.com', true],
    ['https://registry.example.com/', '.example.com', true],
    ['https://registry.example.com/', '*.example.com', true],
    ['https://notexample.com/', 'example.com', false],
    ['https://registry.example.com/', 'example.com:443', true],
    ['https://registry.example.com/', 'example.com:5000', false],
    ['https://REGISTRY.example.com/', 'Registry.Example.Com', true],
    ['https://10.1.2.3/', '10.0.0.0/8', true],
    ['https://11.1.2.3/', '10.0.0.0/8', false],
    ['https://[fd00::5]/', 'fd00::/16', true],
    ['https://[fd00::5]/', 'fd00::5', true],
    ['https://10.1.2.3/', '10.1.2.3/99', false],
    ['https://registry.example.com/', ',, ', false],
    ['https://registry.example.com./', 'example.com', true],
    ['https://registry.example.com/', 'example.com.', true],
  ];
  for (const [url, list, direct] of cases) {
    assert.is(proxied(url, { NO_PROXY: list }) === undefined, direct, `${url} by ${list}`);
  }
});

test('an invalid proxy is an error, without its password', () => {
  assert.throws(
    () => proxied('https://registry.example.com/', { HTTPS_PROXY: 'socks4://me:secret@proxy.test' }),
    (error: unknown) =>
      error instanceof TsimgError && error.code === 'USAGE' && !JSON.stringify(error).includes('secret'),
  );
});

test('the error for an invalid proxy shows it, and names its variable', () => {
  const told = (text: string, variable: string) => {
    try {
      proxyFor(new URL('https://a.example/'), { [variable]: text });
    } catch (error) {
      return error instanceof TsimgError ? `${error.where}|${error.why}` : error;
    }
    return undefined;
  };
  assert.is(told('socks4://127.0.0.1:1', 'ALL_PROXY'), 'socks4://127.0.0.1:1|$ALL_PROXY names it');
  assert.is(told('http://127.0.0.1:99999', 'all_proxy'), 'http://127.0.0.1:99999|$all_proxy names it');
  assert.is(told('http://me:s@cr@p.test:99999', 'https_proxy'), 'http://p.test:99999|$https_proxy names it');
  assert.is(told('me:a://b@p.test:99999', 'HTTPS_PROXY'), 'p.test:99999|$HTTPS_PROXY names it');
});

test.run();
