import * as assert from 'uvu/assert';
import { type ErrorCode, TsimgError } from '../../src/errors.ts';

/** The TsimgError that a promise fails with; a test that expects one fails when there is none, or another code than `code`. */
export async function failureOf(promise: Promise<unknown>, code?: ErrorCode): Promise<TsimgError> {
  const error: unknown = await promise.then(
    () => assert.unreachable('it should have failed'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TsimgError)) throw error;
  if (code !== undefined) assert.is(error.code, code, `${error.code}: ${error.message}`);
  return error;
}
