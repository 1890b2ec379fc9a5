import * as assert from 'uvu/assert';
import { type ErrorCode, TsimgError } from '../../src/errors.ts';

/** Returns the TsimgError that a promise fails with. Fails where there is none, or where its code is not `code`. */
export async function failureOf(promise: Promise<unknown>, code?: ErrorCode): Promise<TsimgError> {
  const error: unknown = await promise.then(
    () => assert.unreachable('it should have failed'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TsimgError)) throw error;
  if (code !== undefined) assert.is(error.code, code, `${error.code}: ${error.message}`);
  return error;
}
