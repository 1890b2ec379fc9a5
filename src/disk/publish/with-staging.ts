import { messageOf } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { Destination } from './destination.ts';
import { openStaging, type Staging } from './staging.ts';

/**
 * Runs an action with a staging directory for the destination, and removes it whatever happens. That it could not be
 * removed is a warning: the action's own result or error is what counts.
 */
export async function withStaging<T>(
  destination: Destination,
  { onEvent }: Context,
  action: (staging: Staging) => Promise<T>,
): Promise<T> {
  const staging = openStaging(destination);
  try {
    return await action(staging);
  } finally {
    try {
      staging.remove();
    } catch (error) {
      onEvent?.({
        kind: 'warning',
        message: `the staging directory beside ${destination.path} stays: ${messageOf(error)}`,
      });
    }
  }
}
