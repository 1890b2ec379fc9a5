import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { formatPlatform, parsePlatform, platformOfNodeArch, platformRank } from '../../src/oci/platform.ts';

const test = suite('oci/platform');
const rank = (wanted: string, candidate: string) => platformRank(parsePlatform(wanted), parsePlatform(candidate));

test('names of other tools become the ones of the index', () => {
  assert.is(formatPlatform(parsePlatform('linux/x86_64')), 'linux/amd64');
  assert.is(formatPlatform(parsePlatform('linux/aarch64')), 'linux/arm64');
  assert.is(formatPlatform(parsePlatform('arm64')), 'linux/arm64');
  assert.is(formatPlatform(platformOfNodeArch('x64')), 'linux/amd64');
  assert.is(formatPlatform(platformOfNodeArch('ia32')), 'linux/386');
});

test('arm64 and arm64/v8 are the same', () => {
  assert.is(rank('linux/arm64', 'linux/arm64/v8'), 0);
  assert.is(rank('linux/arm64/v8', 'linux/arm64'), 0);
});

test('an older arm is second choice, a newer one none', () => {
  assert.is(rank('linux/arm/v7', 'linux/arm/v7'), 0);
  assert.is(rank('linux/arm', 'linux/arm/v6'), 1);
  assert.is(rank('linux/arm/v6', 'linux/arm/v7'), undefined);
});

test('amd64/v3 is never chosen for a plain amd64', () => {
  assert.is(rank('linux/amd64', 'linux/amd64/v3'), undefined);
  assert.is(rank('linux/amd64/v3', 'linux/amd64/v2'), 1);
  assert.is(rank('linux/amd64/v3', 'linux/amd64'), 2);
  assert.is(rank('linux/amd64', 'linux/amd64/v1'), 0);
});

test('another system or architecture is no match', () => {
  assert.is(rank('linux/amd64', 'windows/amd64'), undefined);
  assert.is(rank('linux/amd64', 'linux/arm64'), undefined);
});

for (const text of ['', 'linux/', '/amd64', 'a/b/c/d', 'linux/am d64', 'linux/\u001b', 'foo', 'linux']) {
  test(`${JSON.stringify(text)} is no platform`, () => {
    assert.throws(
      () => parsePlatform(text),
      (error: unknown) => error instanceof TsimgError && error.code === 'PLATFORM_INVALID',
    );
  });
}

test.run();
