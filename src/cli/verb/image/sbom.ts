import type { Command } from 'commander';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { patternWarnings, signerChoice, type VerifyOptions, withSigner } from '../../option/verify.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { escapeLines } from '../../show/escape.ts';

interface SbomOptions extends CommonOptions, SourceOptions, VerifyOptions {}

/** Adds `tsimg sbom`, which prints the SBOM itself on stdout. */
export function addSbom(program: Command): void {
  const sbom = program
    .command('sbom')
    .description('Print the SBOM of an image; with a key or an identity, only a signed SBOM.')
    .argument('<source>', 'a reference, or any SOURCE');
  withCommon(withSource(withSigner(sbom, '-a, --annotation'))).action(
    async (source: string, _: unknown, invoked: Command) => {
      const options: SbomOptions = invoked.optsWithGlobals();
      const choice = sourceChoice(options);
      const signatures = signerChoice(options);
      await inSession(options, async ({ context, printAsIs, note }) => {
        for (const warning of patternWarnings(options)) note(`tsimg: ${warning}`);
        const { readSbom } = await import('../../../verbs/signatures/referrers.ts');
        const found = await readSbom(source, { ...choice, ...context, root: options.root, signatures }, context);
        if (!found.isVerified) note('tsimg: the SBOM is not verified: nobody vouches for it');
        const text = found.document.toString('utf8');
        printAsIs(process.stdout.isTTY ? escapeLines(text) : text);
      });
    },
  );
}
