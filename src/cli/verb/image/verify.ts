import type { Command } from 'commander';
import type { GoodSignature } from '../../../verify/verify-attached.ts';
import { type SourceOptions, sourceChoice, withSource } from '../../option/source.ts';
import { patternWarnings, signerChoice, type VerifyOptions, withSigner } from '../../option/verify.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatJson } from '../../show/escape.ts';

interface VerifyChoice extends CommonOptions, SourceOptions, VerifyOptions {}

/** A good signature as one line: the signed document, the signer, the time, the log, and the form of attachment. */
function line({ digest, identity, issuer, key, time, logIndex, form }: GoodSignature): string {
  const signer = identity === undefined ? `key ${key}` : `${identity} (${issuer})`;
  return [digest, signer, time?.toISOString() ?? 'no time', `log ${logIndex ?? 'none'}`, form].join('  ');
}

function record({ statement, time, ...rest }: GoodSignature) {
  return {
    ...rest,
    time: time?.toISOString(),
    ...(statement && { statement: JSON.parse(statement.toString('utf8')) }),
  };
}

/** `tsimg verify`: one line for each good signature; with `--attestation` the statements instead. */
export function addVerify(program: Command): void {
  const verify = program
    .command('verify')
    .description('Verify that an image was signed by the right key or identity.')
    .argument('<source>', 'a reference (from the store, else from its registry), or any SOURCE')
    .option(
      '--attestation <type>',
      'verify attestations of a type instead (slsaprovenance1, spdxjson, … or a URI); prints the statement',
    )
    .option('--all', 'all good signatures, not the first one alone');
  withCommon(withSource(withSigner(verify, '-a, --annotation'))).action(
    async (source: string, _: unknown, invoked: Command) => {
      const options: VerifyChoice = invoked.optsWithGlobals();
      const choice = sourceChoice(options);
      const signatures = signerChoice(options) ?? {};
      await inSession(options, async ({ context, print, printJson, printAsIs, note }) => {
        for (const warning of patternWarnings(options)) note(`tsimg: ${warning}`);
        const { verifySource } = await import('../../../verbs/signatures/verify.ts');
        const settings = { ...choice, ...context, root: options.root, signatures };
        const good = await verifySource(source, settings, context);
        if (options.json) printJson(good.map(record));
        else if (options.attestation === undefined) for (const each of good) print(line(each));
        else for (const { statement } of good) printAsIs(formatJson(JSON.parse(statement?.toString('utf8') ?? 'null')));
      });
    },
  );
}
