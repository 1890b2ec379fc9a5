import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { ERRNO_NAMES } from '../../../src/sys/errno.data.ts';
import { filesystemError } from '../../../src/sys/file/filesystem-error.ts';

const test = suite('sys/file/filesystem-error');

test('no error of a file system says its cause twice', () => {
  for (const code of Object.values(ERRNO_NAMES)) {
    const error = filesystemError('cannot write', '/x', Object.assign(new Error(code), { code }));
    assert.instance(error, TsimgError);
    if (error instanceof TsimgError) assert.is.not(error.hint, error.why, code);
  }
});

test.run();
