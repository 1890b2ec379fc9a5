import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { storeRoot } from '../../src/store/root.ts';

const AT = () => '/w';
const test = suite('store/root');

test('--root wins over $TSIMG_ROOT, and $TSIMG_ROOT over the defaults', () => {
  assert.is(storeRoot('/a', { env: { TSIMG_ROOT: '/b', HOME: '/h' }, uid: 0, cwd: AT }), '/a');
  assert.is(storeRoot(undefined, { env: { TSIMG_ROOT: '/b', XDG_DATA_HOME: '/x' }, uid: 1000, cwd: AT }), '/b');
});

test('a relative path is below the working directory', () => {
  assert.is(storeRoot('a', { env: {}, uid: 0, cwd: AT }), '/w/a');
  assert.is(storeRoot(undefined, { env: { TSIMG_ROOT: 'b' }, uid: 0, cwd: AT }), '/w/b');
});

test('the store of root is in /var/lib, the store of another user in the data directory', () => {
  assert.is(storeRoot(undefined, { env: { XDG_DATA_HOME: '/x', HOME: '/root' }, uid: 0, cwd: AT }), '/var/lib/tsimg');
  assert.is(storeRoot(undefined, { env: { XDG_DATA_HOME: '/x', HOME: '/h' }, uid: 1000, cwd: AT }), '/x/tsimg');
  assert.is(storeRoot(undefined, { env: { HOME: '/h' }, uid: 1000, cwd: AT }), '/h/.local/share/tsimg');
});

test('an XDG variable that is empty or relative is ignored', () => {
  assert.is(
    storeRoot(undefined, { env: { XDG_DATA_HOME: '', HOME: '/h' }, uid: 1000, cwd: AT }),
    '/h/.local/share/tsimg',
  );
  assert.is(
    storeRoot(undefined, { env: { XDG_DATA_HOME: 'x', HOME: '/h' }, uid: 1000, cwd: AT }),
    '/h/.local/share/tsimg',
  );
});

test('without a home directory there is no store, and the error says what to set', () => {
  try {
    storeRoot(undefined, { env: {}, uid: 1000, cwd: AT });
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof TsimgError && error.code === 'STORE_INVALID');
    assert.match(error.hint ?? '', '--root');
  }
});

test('the working directory is not read where it does not matter', () => {
  const gone = () => {
    throw new Error('the working directory is gone');
  };
  assert.is(storeRoot('/a', { env: {}, uid: 0, cwd: gone }), '/a');
  assert.is(storeRoot(undefined, { env: {}, uid: 0, cwd: gone }), '/var/lib/tsimg');
});

test.run();
