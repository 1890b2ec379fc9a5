import { messageOf, TsimgError } from '../../errors.ts';
import { replaceUnsafe, unicodeEscape } from '../../unsafe-text.ts';
import type { Container } from '../container/container.ts';
import { START_CHECKS, type StartContainerOptions, startContainer } from '../container/start-container.ts';
import { checkWhole } from '../options/check-number.ts';
import { action, type Checks, checkArguments, checkOptions, hasMethods, wrongValue } from '../options/check-options.ts';

/** How a container is started for tests, and what becomes of its log when one of them fails. */
export interface FixtureOptions extends StartContainerOptions {
  /** Gets the end of the log when a test has failed. Default: it is written to standard error. */
  readonly onFailure?: ((log: string, container: Container) => void | Promise<void>) | undefined;
  /** The most lines of the log that `onFailure` gets. Default 50. */
  readonly logLines?: number | undefined;
}

/** The hooks of a test runner: those of node:test as they are; of vitest and jest, `beforeAll` is `before`. */
export interface TestHooks {
  before(action: () => Promise<void>): unknown;
  after(action: () => Promise<void>): unknown;
  /** Without it, the log is not shown when a test fails. */
  readonly afterEach?: ((action: (context?: unknown) => Promise<void>) => unknown) | undefined;
}

/** The context of a test of vitest, as far as a fixture needs it. */
export interface VitestContext {
  readonly task: { readonly result?: { readonly state?: string | undefined } | undefined };
}

const LOG_LINES = 50;

function writeToStderr(log: string, { name }: Container): void {
  process.stderr.write(`the log of ${name}:\n${log}\n`);
}

/** The end of the log, or why it cannot be read. What a program in a container wrote must not control a terminal. */
async function endOfLog(container: Container, count: number): Promise<string> {
  const lines: string[] = [];
  try {
    for await (const { text } of container.logs({ tail: count })) lines.push(replaceUnsafe(text, unicodeEscape));
  } catch (error) {
    return `the log cannot be read: ${replaceUnsafe(messageOf(error), unicodeEscape)}`;
  }
  return count === 0 ? '' : lines.slice(-count).join('\n');
}

/**
 * Gives the end of the log away. It never rejects: the error of the test is the one that counts, so what fails here is
 * written to standard error.
 */
async function tellLog(container: Container, { onFailure = writeToStderr, logLines = LOG_LINES }: FixtureOptions) {
  try {
    await onFailure(await endOfLog(container, logLines), container);
  } catch (error) {
    process.stderr.write(`onFailure of ${container.name} failed: ${replaceUnsafe(messageOf(error), unicodeEscape)}\n`);
  }
}

const FIXTURE_CHECKS: Checks<FixtureOptions> = {
  ...START_CHECKS,
  onFailure: action,
  logLines: (option, value) => checkWhole(option, value),
};

/** Checks the arguments of a fixture, when it is made. @throws USAGE */
function checkFixture(of: string, source: unknown, options: FixtureOptions): void {
  checkArguments(source, options?.command ?? []);
  checkOptions(of, options, FIXTURE_CHECKS);
}

/** Starts a container with the options of a fixture. @throws as `startContainer` */
async function startFor(source: string, options: FixtureOptions): Promise<Container> {
  const { onFailure: _, logLines: __, ...start } = options;
  return await startContainer(source, start);
}

/** Whether the context that a runner gives to `afterEach` is that of a failed test. Jest gives none. */
function hasFailed(context: unknown): boolean {
  if (!isObject(context)) return false;
  // node:test
  if ('error' in context && context.error !== null && context.error !== undefined) return true;
  // vitest
  const result = 'task' in context && isObject(context.task) && 'result' in context.task && context.task.result;
  return isObject(result) && 'state' in result && result.state === 'fail';
}

/** Whether a value may have properties. The context of vitest is a function, which throws when it is called. */
function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/**
 * Starts a container, gives it to `use`, and removes it. When `use` throws, `onFailure` gets the end of the log.
 * @throws as {@link startContainer}; what `use` throws
 * @example
 * await withContainer('redis:7', { ports: [6379], ready: ready.port(6379) }, async (redis) => { … });
 */
export async function withContainer<T>(
  source: string,
  options: FixtureOptions,
  use: (container: Container) => Promise<T>,
): Promise<T> {
  checkFixture('withContainer', source, options);
  action('use', use);
  const container = await startFor(source, options);
  let result: T;
  try {
    result = await use(container);
  } catch (error) {
    await tellLog(container, options);
    // Nor is it replaced by a failure to remove the container: the guardian tries once more when this process ends.
    await container[Symbol.asyncDispose]().catch(() => undefined);
    throw error;
  }
  await container[Symbol.asyncDispose]();
  return result;
}

/**
 * Has the hooks of a test runner start a container before the first test and remove it after the last. Returns a
 * function that gives the container to tests and to later hooks.
 * @throws USAGE; CONTAINER_STATE, from that function, where the container does not run yet
 * @example
 * import { after, afterEach, before, test } from 'node:test';
 * const redis = useContainer({ before, after, afterEach }, 'redis:7', { ports: [6379], ready: ready.port(6379) });
 * test('it answers', () => connect(redis().port(6379)));
 */
export function useContainer(hooks: TestHooks, source: string, options: FixtureOptions = {}): () => Container {
  if (!hasMethods(hooks, 'before', 'after'))
    throw wrongValue('hooks', hooks, 'an object: { before, after, afterEach }');
  checkFixture('useContainer', source, options);
  let starting: Promise<Container> | undefined;
  let container: Container | undefined;
  const over = new AbortController();
  hooks.before(async () => {
    const signals = options.signal === undefined ? [] : [options.signal];
    starting = startFor(source, { ...options, signal: AbortSignal.any([over.signal, ...signals]) });
    container = await starting;
  });
  hooks.afterEach?.(async function (): Promise<void> {
    // biome-ignore lint/complexity/noArguments: for a parameter, jest waits for a callback, and vitest for fixtures
    if (container !== undefined && hasFailed(arguments[0])) await tellLog(container, options);
  });
  hooks.after(async () => {
    // A runner whose patience with the first hook is over comes here while the container is still being started.
    if (container === undefined) over.abort(new Error('the tests are over'));
    // Why it did not start, the first hook has told.
    const started = await starting?.catch(() => undefined);
    container = undefined;
    await started?.[Symbol.asyncDispose]();
  });
  return () => {
    if (container !== undefined) return container;
    throw new TsimgError('CONTAINER_STATE', 'the container does not run yet, or not any more', {
      where: source,
      hint: 'ask for it in a test or in a hook after that of useContainer, not in the body of a file',
    });
  };
}

/** A fixture of vitest: `test.extend({ db: containerFixture(…) })`. */
export type ContainerFixture = (context: VitestContext, use: (container: Container) => Promise<void>) => Promise<void>;

/**
 * Returns a fixture for vitest's `test.extend`: each test that names it has a container of its own. With `scope:
 * 'file'` of vitest, the tests of a file share one.
 * @throws USAGE; as {@link startContainer}, from the fixture
 * @example
 * const test = base.extend({ redis: containerFixture('redis:7', { ports: [6379], ready: ready.port(6379) }) });
 */
export function containerFixture(source: string, options: FixtureOptions = {}): ContainerFixture {
  checkFixture('containerFixture', source, options);
  // Vitest reads from the text of the function what of its context it wants.
  return async ({ task }, use) =>
    await withContainer(source, options, async (container) => {
      await use(container);
      if (hasFailed({ task })) await tellLog(container, options);
    });
}
