import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../src/errors.ts';
import { storeRoot } from '../../src/store/root.ts';

const AT = () => '/w';
const test = suite('store/root');

test('--root wins over $TSIMG_ROOT, and $TSIMG_ROOT over the defaults', () => {
  assert.is(storeRoot('/a', { TSIMG_ROOT: '/b', HOME: '/h' }, 0, AT), '/a');
  assert.is(storeRoot(undefined, { TSIMG_ROOT: '/b', XDG_DATA_HOME: '/x' }, 1000, AT), '/b');
});

test('a relative path is below the working directory', () => {
  assert.is(storeRoot('a', {}, 0, AT), '/w/a');
  assert.is(storeRoot(undefined, { TSIMG_ROOT: 'b' }, 0, AT), '/w/b');
});

test('the store of root is in /var/lib, the store of another user in the data directory', () => {
  assert.is(storeRoot(undefined, { XDG_DATA_HOME: '/x', HOME: '/root' }, 0, AT), '/var/lib/tsimg');
  assert.is(storeRoot(undefined, { XDG_DATA_HOME: '/x', HOME: '/h' }, 1000, AT), '/x/tsimg');
  assert.is(storeRoot(undefined, { HOME: '/h' }, 1000, AT), '/h/.local/share/tsimg');
});

test('an XDG variable that is empty or relative is ignored', () => {
  assert.is(storeRoot(undefined, { XDG_DATA_HOME: '', HOME: '/h' }, 1000, AT), '/h/.local/share/tsimg');
  assert.is(storeRoot(undefined, { XDG_DATA_HOME: 'x', HOME: '/h' }, 1000, AT), '/h/.local/share/tsimg');
});

test('without a home directory there is no store, and the error says what to set', () => {
  try {
    storeRoot(undefined, {}, 1000, AT);
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
  assert.is(storeRoot('/a', {}, 0, gone), '/a');
  assert.is(storeRoot(undefined, {}, 0, gone), '/var/lib/tsimg');
});

test.run();
