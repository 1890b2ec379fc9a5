import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { endpointsOf, isLoopback } from '../../../src/registry/http/endpoint.ts';

const test = suite('registry/http/endpoint');
const origins = (registry: string, tlsVerify?: boolean) => endpointsOf(registry, tlsVerify).map((url) => url?.origin);

test('Docker Hub’s endpoint is registry-1.docker.io', () => {
  assert.equal(origins('docker.io'), ['https://registry-1.docker.io']);
});

test('a registry elsewhere is never reached by plain HTTP', () => {
  assert.equal(origins('registry.example.com:5000'), ['https://registry.example.com:5000']);
  assert.equal(origins('registry.example.com', true), ['https://registry.example.com']);
});

test('plain HTTP is tried, after TLS, on loopback and where TLS was given up', () => {
  assert.equal(origins('localhost:5000'), ['https://localhost:5000', 'http://localhost:5000']);
  assert.equal(origins('registry.example.com', false), ['https://registry.example.com', 'http://registry.example.com']);
});

test('where TLS is required, loopback needs it too', () => {
  assert.equal(origins('localhost:5000', true), ['https://localhost:5000']);
});

test('loopback is localhost, 127.0.0.0/8 and ::1, in any spelling, and no similar name', () => {
  for (const host of ['localhost:1', '127.0.0.1', '127.9.8.7', '[::1]:5000', '[0:0::1]', '0x7f.1']) {
    assert.ok(isLoopback(new URL(`http://${host}/`)), host);
  }
  for (const host of ['127.0.0.1.example.com', 'localhost.example.com', '128.0.0.1', '[::2]', '0.0.0.0', '10.0.0.1']) {
    assert.not(isLoopback(new URL(`http://${host}/`)), host);
  }
});

test('an invalid port is an error of ours', () => {
  assert.throws(
    () => endpointsOf('localhost:99999', undefined),
    (error: unknown) => error instanceof TsimgError && error.code === 'REFERENCE_INVALID',
  );
});

test.run();
