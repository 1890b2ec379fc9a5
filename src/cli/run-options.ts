import { type Command, Option } from 'commander';
import type { ImageLimits } from '../disk/unpack-options.ts';
import type { RunRequest } from '../launch/plan/run-request.ts';
import type { PullPolicy, RunSourceOptions } from '../verbs/run/run-source.ts';
import { type CommandOptions, commandRequest, withCommand } from './option/command.ts';
import { type HealthOptions, healthRequest, withHealth } from './option/health.ts';
import { limitChoice, withLimits } from './option/image-limits.ts';
import { type IsolationOptions, isolationRequest, withIsolation } from './option/isolation.ts';
import { type LifeOptions, lifeRequest, withLife } from './option/life.ts';
import { type NetworkOptions, networkOf, withNetwork } from './option/network.ts';
import { collect } from './option/parsers.ts';
import { withConcurrency } from './option/patience.ts';
import { type ResourceOptions, resourcesOf, withResources } from './option/resources.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from './option/source.ts';
import { signerChoice, type VerifyOptions, withSigner } from './option/verify.ts';
import { type CommonOptions, type Session, withCommon } from './session.ts';

/** The options of `withRun`, as commander names them. */
export interface RunOptions
  extends CommonOptions,
    SourceOptions,
    ResourceOptions,
    NetworkOptions,
    IsolationOptions,
    LifeOptions,
    HealthOptions,
    CommandOptions,
    ImageLimits,
    VerifyOptions {
  readonly volume: readonly string[];
  readonly tmpfs: readonly string[];
  readonly hostname?: string;
  readonly entrypoint?: string;
  readonly readOnly?: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly pull: PullPolicy;
}

/** Returns the request of these options. @throws USAGE */
export async function runRequest(command: readonly string[], options: RunOptions): Promise<RunRequest> {
  return {
    command,
    entrypoint: options.entrypoint,
    ...(await commandRequest(options)),
    volumes: options.volume,
    tmpfs: options.tmpfs,
    hostname: options.hostname,
    ...networkOf(options),
    readOnly: options.readOnly ?? false,
    capAdd: options.capAdd,
    capDrop: options.capDrop,
    resources: resourcesOf(options),
    health: healthRequest(options),
    ...(await isolationRequest(options)),
  };
}

/**
 * Adds the operands and options of a verb that makes a container. Options end at the first operand, so that `-l` of
 * `run IMAGE ls -l` belongs to the command.
 */
export function withRun(command: Command): Command {
  command
    .argument('<rootfs|source>', 'a directory with a root filesystem, or any SOURCE of an image')
    .argument('[command...]', 'the command and its arguments (default: the image’s)')
    .passThroughOptions()
    .helpOption('--help', 'show help')
    .optionsGroup('Command:');
  withCommand(command, { names: 'image', workdir: 'the image’s, or /', user: 'the image’s, or root' })
    .option('--entrypoint <program>', 'replace the image’s entrypoint; the image’s command is dropped too')
    .optionsGroup('Files:')
    .option(
      '-v, --volume <[source:]target[:options]>',
      'mount a file or directory of the host by its path, or a volume by its name ' +
        '(options: ro, rw, noexec, nosuid, nocopy, rslave, rshared …)',
      collect,
      [],
    )
    .option('--tmpfs <target[:options]>', 'mount an empty file system in memory', collect, [])
    .option('--read-only', 'make the root filesystem read-only')
    .optionsGroup('Network:')
    .option('-h, --hostname <name>', 'the host name in the container (default: the start of its ID)')
    .optionsGroup('Isolation:')
    .option('--cap-add <capability>', 'add a capability, or ALL', collect, [])
    .option('--cap-drop <capability>', 'drop a capability, or ALL', collect, [])
    .optionsGroup('Image:')
    .addOption(
      new Option('--pull <when>', 'when to pull a reference')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    );
  return withCommon(
    withSource(
      withSignaturePolicy(
        withSigner(
          withConcurrency(withLimits(withIsolation(withNetwork(withResources(withHealth(withLife(command))))))),
        ),
      ),
    ),
  );
}

/** Returns how a container is made, besides its request. */
export function runSettings(options: RunOptions, { context, signals }: Session): RunSourceOptions {
  return {
    ...sourceChoice(options),
    limits: limitChoice(options),
    ...context,
    signals,
    root: options.root,
    pull: options.pull,
    signatures: signerChoice(options),
    life: lifeRequest(options),
  };
}
