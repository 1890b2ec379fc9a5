import { type Command, Option } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import type { LaunchPlan } from '../../../launch/launch-plan.ts';
import type { RunRequest } from '../../../launch/plan/run-request.ts';
import type { PullPolicy } from '../../../verbs/run/run-source.ts';
import { type CommandOptions, commandRequest, withCommand } from '../../option/command.ts';
import { type IsolationOptions, isolationRequest, withIsolation } from '../../option/isolation.ts';
import { type LifeOptions, lifeRequest, withLife } from '../../option/life.ts';
import { limitChoice, withLimits } from '../../option/limits.ts';
import { type NetworkOptions, networkOf, withNetwork } from '../../option/network.ts';
import { collect } from '../../option/parsers.ts';
import { type ResourceOptions, resourcesOf, withResources } from '../../option/resources.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../../option/source.ts';
import { signerChoice, type VerifyOptions, withSigner } from '../../option/verify.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface RunOptions
  extends CommonOptions,
    SourceOptions,
    ResourceOptions,
    NetworkOptions,
    IsolationOptions,
    LifeOptions,
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
  readonly runtime?: string;
  readonly dryRun?: boolean;
  readonly explain?: boolean;
}

async function requestOf(command: readonly string[], options: RunOptions): Promise<RunRequest> {
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
    ...(await isolationRequest(options)),
  };
}

/** Adds `tsimg run`. Options end at the first operand, so that `-l` of `run IMAGE ls -l` belongs to the command. */
export function addRun(program: Command, setStatus: (status: number) => void): void {
  const command = program
    .command('run')
    .description('Run a command in a new container of an image, or in a root filesystem.')
    .argument('<rootfs|source>', 'a directory with a root filesystem, or any SOURCE of an image')
    .argument('[command...]', 'the command and its arguments (default: the image’s)')
    .passThroughOptions()
    .helpOption('--help', 'show help')
    .optionsGroup('Command:');
  withCommand(command, { names: 'image', workdir: 'the image’s, or /', user: 'the image’s, or root' })
    .option('--entrypoint <program>', 'replace the image’s entrypoint; the image’s command is dropped too')
    .optionsGroup('Files:')
    .option(
      '-v, --volume <source:target[:options]>',
      'mount a file or directory of the host (options: ro, rw, noexec, nosuid, rslave, rshared …)',
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
    .option(
      '--runtime <program>',
      'use an OCI runtime (crun, runc, or a path); the network is none or host, and no container is kept',
    )
    .optionsGroup('Image:')
    .addOption(
      new Option('--pull <when>', 'when to pull a reference')
        .choices(['always', 'missing', 'never'])
        .default('missing'),
    )
    .optionsGroup('Plan:')
    .option('--explain', 'first print each step as a command line, with its reason, on stderr')
    .option('--dry-run', 'print what would be done, and do nothing; --json prints it as data, --explain as a lesson');
  withCommon(
    withSource(
      withSignaturePolicy(withSigner(withLimits(withIsolation(withNetwork(withResources(withLife(command))))))),
    ),
  ).action(async (source: string, words: string[], _: unknown, invoked: Command) => {
    const options: RunOptions = invoked.optsWithGlobals();
    const request = await requestOf(words, options);
    const choice = { ...sourceChoice(options), limits: limitChoice(options) };
    const status = await inSession(
      { ...options, outlivesOutput: true },
      async ({ context, signals, print, printLines, printJson, note }) => {
        const { runSource, startSource, planSource } = await import('../../../verbs/run/run-source.ts');
        const explainPlan = options.explain
          ? (await import('../../../launch/show/explain-plan.ts')).explainPlan
          : undefined;
        const onPlan = explainPlan && ((plan: LaunchPlan) => note(explainPlan(plan)));
        const settings = {
          ...choice,
          ...context,
          signals,
          root: options.root,
          pull: options.pull,
          signatures: signerChoice(options),
          runtime: options.runtime,
          life: lifeRequest(options),
          onPlan,
        };
        if (!options.dryRun && !options.detach) return runSource(source, request, settings);
        if (!options.dryRun) {
          print(await startSource(source, request, settings));
          return 0;
        }
        const { formatPlan } = await import('../../../launch/show/format-plan.ts');
        const plan = await planSource(source, request, settings);
        if (options.json) printJson(plan);
        else printLines((explainPlan ?? formatPlan)(plan));
        return 0;
      },
    );
    setStatus(status);
  });
}
