import { type Callback, type Test, suite as wholeSuite } from 'uvu';

/** The environment variable with a text: only tests that have it in their name run. */
export const NAME_VARIABLE = 'TSIMG_TEST_NAME';

/**
 * uvu's `suite`, but only tests with that text in their name run. A suite without such a test does not run, nor do its
 * hooks.
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
