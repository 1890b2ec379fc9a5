import type { Command } from 'commander';

/** Adds `--root` and `--json`, which all verbs and the program itself have. */
export function withGeneral(command: Command): Command {
  return command
    .optionsGroup('General:')
    .option(
      '--root <dir>',
      'the directory of images and containers (also $TSIMG_ROOT; default: /var/lib/tsimg for root, ' +
        '~/.local/share/tsimg for others)',
    )
    .option('--json', 'print results and errors as JSON');
}
