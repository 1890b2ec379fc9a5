import type { Command } from 'commander';
import { parseSize } from '../../option/limits.ts';
import { parseRemoteReference, type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface PullOptions extends CommonOptions, SourceOptions {
  readonly allowForeignUrls?: boolean;
  readonly maxDocument?: number;
  readonly verify?: boolean;
}

/** `tsimg pull`: each reference's digest, then its complete form, on stdout; with `-q` the latter alone. */
export function addPull(program: Command): void {
  const command = program
    .command('pull')
    .description('Fetch images from their registries into the store.')
    .argument('<reference...>', 'images, as docker names them')
    .option(
      '--allow-foreign-urls',
      "fetch layers that the registry does not keep from the manifest's own URLs, anonymously",
    )
    .option('--verify', 'read all that the store holds of them already, and fetch again what is damaged')
    .optionsGroup('Limits of an image:')
    .option('--max-document <size>', 'the most bytes of a manifest, an index or a config (default: 4m)', parseSize);
  withCommon(withSource(command)).action(async (texts: string[], _: unknown, invoked: Command) => {
    const options: PullOptions = invoked.optsWithGlobals();
    const references = texts.map(parseRemoteReference);
    const choice = sourceChoice(options);
    await inSession(options, async ({ context, print, printJson }) => {
      const { pullToStore } = await import('../../../verbs/image/pull-to-store.ts');
      const settings = {
        ...choice,
        ...context,
        root: options.root,
        allowForeignUrls: options.allowForeignUrls,
        verify: options.verify,
        limits: { maxDocument: options.maxDocument },
      };
      const reports = [];
      for (const reference of references) {
        const report = await pullToStore(reference, settings);
        reports.push(report);
        if (options.json) continue;
        if (!options.quiet) print(report.digest);
        print(report.reference);
      }
      if (options.json) printJson(reports);
    });
  });
}
