import type { Command } from 'commander';
import { parseSize } from '../../option/limits.ts';
import {
  parseRemoteReference,
  type SourceOptions,
  sourceChoice,
  withSignaturePolicy,
  withSource,
} from '../../option/source.ts';
import { patternWarnings, signerChoice, type VerifyOptions, withSigner } from '../../option/verify.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface PullOptions extends CommonOptions, SourceOptions, VerifyOptions {
  readonly allowForeignUrls?: boolean;
  readonly maxDocument?: number;
  readonly verify?: boolean;
}

/** Adds `tsimg pull`. It prints the digest and the complete form of each reference, with `-q` only the latter. */
export function addPull(program: Command): void {
  const command = program
    .command('pull')
    .description('Pull images from their registries into the store.')
    .argument('<reference...>', 'names of images, as docker takes them')
    .option(
      '--allow-foreign-urls',
      'fetch layers that the registry does not have from the URLs in the manifest, anonymously',
    )
    .option('--verify', 'verify the blobs that the store has of the images, and fetch damaged ones again')
    .optionsGroup('Limits of an image:')
    .option('--max-document <size>', 'the most bytes of a manifest, an index or a config (default: 4m)', parseSize);
  withCommon(withSource(withSignaturePolicy(withSigner(command)))).action(
    async (texts: string[], _: unknown, invoked: Command) => {
      const options: PullOptions = invoked.optsWithGlobals();
      const references = texts.map(parseRemoteReference);
      const choice = sourceChoice(options);
      const signatures = signerChoice(options);
      await inSession(options, async ({ context, print, printJson, note }) => {
        for (const warning of patternWarnings(options)) note(`tsimg: ${warning}`);
        const { pullToStore } = await import('../../../verbs/image/pull-to-store.ts');
        const settings = {
          ...choice,
          ...context,
          root: options.root,
          allowForeignUrls: options.allowForeignUrls,
          verify: options.verify,
          signatures,
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
    },
  );
}
