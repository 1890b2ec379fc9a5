import { type Command, InvalidArgumentError, Option } from 'commander';
import { isTolerance, type Policy, type Severity, TOLERANCES, type Tolerance } from '../../rootfs/policy.ts';

const SEVERITIES = ['strict', 'warn', 'ignore'] as const satisfies readonly Severity[];

/** The options about deviations from an image, as commander names them. */
export interface PolicyOptions {
  readonly strict?: boolean;
  readonly xattrs?: Severity;
  readonly devices?: Severity;
  readonly owners?: Severity;
  readonly policy: Readonly<Partial<Policy>>;
}

function parsePolicy(text: string, previous: Readonly<Partial<Policy>>): Readonly<Partial<Policy>> {
  const [name = '', wanted, ...rest] = text.split('=');
  const severity = SEVERITIES.find((each) => each === wanted);
  if (isTolerance(name) && severity !== undefined && rest.length === 0) return { ...previous, [name]: severity };
  throw new InvalidArgumentError(
    `It takes NAME=${SEVERITIES.join('|')}; names: ${Object.keys(TOLERANCES).join(', ')}.`,
  );
}

/** Adds the options about deviations from an image. */
export function withPolicy(command: Command): Command {
  const severity = (flags: string, about: string) => new Option(`${flags} <policy>`, about).choices(SEVERITIES);
  return command
    .optionsGroup('Deviations from the image:')
    .option('--strict', 'make every deviation from the image an error, except those that a policy names')
    .addOption(severity('--xattrs', 'extended attributes that the file system refuses (default: warn)'))
    .addOption(severity('--devices', 'devices that become empty files (default: warn)'))
    .addOption(severity('--owners', 'owners that are recorded and not set (default: warn; strict with --ids subuid)'))
    .option(
      '--policy <name=policy>',
      'the policy for another deviation, by its name in the report (default: warn)',
      parsePolicy,
    );
}

/** Returns the policy of these options. `--policy` overrides an option that stands for several deviations. */
export function policyChoice(options: PolicyOptions): {
  readonly strict: boolean | undefined;
  readonly policy: Readonly<Partial<Policy>>;
} {
  const { strict, xattrs, devices, owners, policy } = options;
  const wanted: readonly (readonly [Tolerance, Severity | undefined])[] = [
    ['xattrs', xattrs],
    ['devices', devices],
    ['owners', owners],
    ['unmapped-owners', owners],
  ];
  const given = Object.fromEntries(wanted.filter(([, severity]) => severity !== undefined));
  return { strict, policy: { ...given, ...policy } };
}
