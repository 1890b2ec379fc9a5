/**
 * The verb of a command line: the first word behind the general options, `--root DIR`, `--json` and `--debug`. Empty
 * where another option comes first. It is called before commander is loaded, so that one verb's file can be loaded
 * instead of all.
 */
export function findVerb(args: readonly string[]): string {
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (arg === '--root') at += 1;
    else if (arg !== '--json' && arg !== '--debug' && !arg.startsWith('--root=')) return arg.startsWith('-') ? '' : arg;
  }
  return '';
}
