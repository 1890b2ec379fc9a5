import type { Command } from 'commander';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { escapeText } from '../../show/escape.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatTable } from '../../show/format-table.ts';

interface ReferrersOptions extends CommonOptions, SourceOptions {}

/** Adds `tsimg referrers`, which lists everything that is attached to an image. */
export function addReferrers(program: Command): void {
  const referrers = program
    .command('referrers')
    .description('List signatures, attestations and SBOMs that are attached to an image. Nothing is verified.')
    .argument('<source>', 'a reference, or any SOURCE');
  withCommon(withSource(referrers)).action(async (source: string, _: unknown, invoked: Command) => {
    const options: ReferrersOptions = invoked.optsWithGlobals();
    const choice = sourceChoice(options);
    await inSession(options, async ({ context, printLines, printJson }) => {
      const { listReferrersOf } = await import('../../../verbs/signatures/referrers.ts');
      const found = await listReferrersOf(source, { ...choice, ...context, root: options.root }, context);
      if (options.json) return printJson(found.map(({ layers: _layers, ...row }) => row));
      const rows = found.map(({ form, type, digest, size, created }) => [
        form,
        escapeText(type),
        digest,
        formatSize(size),
        created === undefined ? '' : escapeText(created),
      ]);
      if (rows.length > 0) printLines(formatTable(['FORM', 'TYPE', 'DIGEST', 'SIZE', 'CREATED'], rows));
    });
  });
}
