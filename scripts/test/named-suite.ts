import { type Callback, type Test, suite as wholeSuite } from 'uvu';

/** Names the environment variable with what the name of a test that runs has in it. */
export const NAME_VARIABLE = 'TSIMG_TEST_NAME';

/**
 * As uvu's, with the tests only that have the name that is asked for; a suite without any does not run, nor does what
 * it prepares.
 */
export function suite<T = Record<string, unknown>>(title?: string, state?: T): Test<T> {
  const wanted = process.env[NAME_VARIABLE] ?? '';
  const whole = wholeSuite<T>(title, state);
  let count = 0;
  const isWanted = (name: string) => {
    if (!name.includes(wanted)) return false;
    count += 1;
    return true;
  };
  const named = (name: string, run: Callback<T>) => {
    if (isWanted(name)) whole(name, run);
  };
  return Object.assign(named, {
    before: whole.before,
    after: whole.after,
    only: (name: string, run: Callback<T>) => {
      if (isWanted(name)) whole.only(name, run);
    },
    skip: (name: string) => {
      if (isWanted(name)) whole.skip(name);
    },
    run: () => {
      if (count > 0) whole.run();
    },
  });
}
