import type { Test } from 'uvu';

/**
 * Prepares what all tests of a suite need. uvu drops an error of `before` without a word: here it is told, and the file
 * ends at once, so that nothing which was begun is waited for.
 */
export function prepare(test: Pick<Test, 'before'>, make: () => unknown): void {
  test.before(async () => {
    try {
      await make();
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  });
}
