import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { contains, formatAddress, formatNetwork, overlaps, parseAddress, parseRoutes } from '../../src/linux/ipv4.ts';

const test = suite('linux/ipv4');

test('an address is read and written, from the lowest to the highest', () => {
  for (const text of ['0.0.0.0', '10.209.0.1', '127.0.0.1', '255.255.255.255']) {
    assert.is(formatAddress(parseAddress(text) ?? Number.NaN), text);
  }
});

for (const text of ['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.-4', '::1', 'a.b.c.d', '1.2.3.4 ']) {
  test(`${JSON.stringify(text)} is no address`, () => assert.is(parseAddress(text), undefined));
}

test('networks overlap only when one contains the other', () => {
  const net = (text: string, bits: number) => ({ address: parseAddress(text) ?? 0, bits });
  assert.ok(overlaps(net('10.0.0.0', 8), net('10.209.0.0', 24)));
  assert.ok(overlaps(net('10.209.0.0', 24), net('10.0.0.0', 8)));
  assert.not.ok(overlaps(net('10.209.0.0', 24), net('10.209.1.0', 24)));
  assert.ok(contains(net('10.209.0.0', 24), parseAddress('10.209.0.255') ?? 0));
  assert.not.ok(contains(net('10.209.0.0', 24), parseAddress('10.209.1.0') ?? 0));
});

test('the host’s routes are read from the kernel’s table, the default one apart', () => {
  const text = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
tun0\t0500000A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
`;
  assert.equal(parseRoutes(text).map(formatNetwork), ['192.0.2.0/24', '172.17.0.0/16', '10.0.0.5/32']);
});

test.run();
