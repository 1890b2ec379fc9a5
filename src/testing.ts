/**
 * Containers for tests: fixtures for node:test, vitest and jest, and checks that wait until a server can be used.
 *
 * @packageDocumentation
 */

import { nameOptionsOfLibrary } from './option-words.ts';

export {
  type ContainerFixture,
  containerFixture,
  type FixtureOptions,
  type TestHooks,
  useContainer,
  type VitestContext,
  withContainer,
} from './library/testing/fixture.ts';
export type { PollOptions } from './library/testing/poll.ts';
export {
  type CommandCheckOptions,
  type HttpCheckOptions,
  type LogCheckOptions,
  ready,
} from './library/testing/ready.ts';

nameOptionsOfLibrary();
