import { type Command, Help, type Option } from 'commander';

const HELP = new Help();

/** The headings of options, in the order in which they are shown. An option without one stands under `Options:`. */
export const HEADINGS: readonly string[] = [
  'Most used:',
  'Options:',
  'Command:',
  'Settings of the image:',
  'Health check of the image:',
  'Layers:',
  'Files:',
  'Network:',
  'Limits:',
  'Isolation:',
  'Life:',
  'Image:',
  'Signatures:',
  'Registry:',
  'Limits of an image:',
  'Deviations from the image:',
  'Plan:',
  'General:',
];

/** For each verb: the options that people need first, about ten at most, in the order of help. */
export const MOST_USED: Readonly<Record<string, readonly string[]>> = {
  pull: ['--platform', '--creds', '--tls-verify', '--quiet'],
  unpack: ['--platform', '--force', '--ids', '--bundle', '--layers'],
  run: [
    '--interactive',
    '--tty',
    '--detach',
    '--rm',
    '--name',
    '--env',
    '--volume',
    '--publish',
    '--user',
    '--workdir',
  ],
  exec: ['--interactive', '--tty', '--detach', '--env', '--user', '--workdir'],
  ls: ['--long', '--platform', '--json'],
  save: ['--output', '--format', '--platform'],
  export: ['--output', '--platform'],
  pack: ['--tag', '--output', '--env', '--cmd', '--entrypoint', '--platform'],
  append: ['--tag', '--output', '--changes', '--platform'],
  config: ['--tag', '--output', '--env', '--cmd', '--entrypoint', '--label'],
  verify: ['--key', '--certificate-identity', '--certificate-oidc-issuer', '--attestation', '--platform'],
};

function headingOf(option: Option, mostUsed: readonly string[]): string {
  if (option.long != null && mostUsed.includes(option.long)) return 'Most used:';
  return option.long === '--help' ? 'General:' : (option.helpGroupHeading ?? 'Options:');
}

/** Groups the options of a command, with `--help`, by headings. Each option stands under one heading. */
export function optionGroups(command: Command): ReadonlyMap<string, readonly Option[]> {
  const mostUsed = MOST_USED[command.name()] ?? [];
  const groups = new Map<string, Option[]>(HEADINGS.map((heading) => [heading, []]));
  for (const option of HELP.visibleOptions(command)) {
    const heading = headingOf(option, mostUsed);
    const members = groups.get(heading);
    if (members === undefined) groups.set(heading, [option]);
    else members.push(option);
  }
  const rank = (option: Option) => mostUsed.indexOf(option.long ?? '');
  groups.get('Most used:')?.sort((a, b) => rank(a) - rank(b));
  return new Map([...groups].filter(([, options]) => options.length > 0));
}
