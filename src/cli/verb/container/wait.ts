import { type Command, InvalidArgumentError } from 'commander';
import { WAIT_CONDITIONS, type WaitCondition } from '../../../verbs/life/await-condition.ts';
import { forEachContainer } from '../../for-each-container.ts';
import type { CommonOptions } from '../../session.ts';

interface WaitOptions extends CommonOptions {
  readonly condition: readonly WaitCondition[];
}

function addCondition(text: string, previous: readonly WaitCondition[]): readonly WaitCondition[] {
  const found = WAIT_CONDITIONS.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`It takes ${WAIT_CONDITIONS.join(', ')}.`);
  return [...previous, found];
}

/** Adds `tsimg wait`. */
export function addWait(program: Command): void {
  const wait = program
    .command('wait')
    .description('Wait until containers have ended, or a condition holds, and print their exit statuses.')
    .option(
      '--condition <condition>',
      `what to wait for: ${WAIT_CONDITIONS.join(', ')}; of several, the first that holds; -1 is printed for a ` +
        'container that has not ended (default: stopped)',
      addCondition,
      [],
    );
  forEachContainer<WaitOptions>(wait, async (container, { condition }, context) => {
    const { waitForCondition } = await import('../../../verbs/life/await-condition.ts');
    return waitForCondition(container, condition, context);
  });
}
