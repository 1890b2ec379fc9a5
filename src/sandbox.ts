/**
 * Sandboxes: commands that are not trusted, from a program. {@link createSandbox} makes one, {@link createSandboxPool}
 * keeps some ready. docs/sandbox.md says what holds, and what does not.
 *
 * @packageDocumentation
 */
// test/library/sandbox lists these names: a change here is a change for users.

import { nameOptionsOfLibrary } from './option-words.ts';

export type { BoxEntry, BoxEntryKind } from './host/box/box-files.ts';
export { createSandbox } from './library/sandbox/create-sandbox.ts';
export type { EgressDecision } from './library/sandbox/egress/egress-proxy.ts';
export { createSandboxPool, type SandboxPool, type SandboxPoolOptions } from './library/sandbox/pool.ts';
export type { Sandbox } from './library/sandbox/sandbox.ts';
export type {
  HeldLimits,
  SandboxCopyOptions,
  SandboxLimits,
  SandboxNetwork,
  SandboxOptions,
  SandboxResult,
  SandboxRunOptions,
  SandboxSnapshot,
} from './library/sandbox/sandbox-options.ts';

nameOptionsOfLibrary();
