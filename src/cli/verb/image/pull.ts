import type { Command } from 'commander';
import { TsimgError, throwAll } from '../../../errors.ts';
import type { PullPlan } from '../../../verbs/image/plan-pull.ts';
import type { PullReport } from '../../../verbs/image/pull.ts';
import { doEach } from '../../do-each.ts';
import { withConcurrency } from '../../option/patience.ts';
import {
  ALLOW_FOREIGN_URLS,
  parseRemoteReference,
  type SourceOptions,
  sourceChoice,
  withSignaturePolicy,
  withSource,
} from '../../option/source.ts';
import { patternWarnings, signerChoice, type VerifyOptions, withSigner } from '../../option/verify.ts';
import { type CommonOptions, inSession, type Session, withCommon } from '../../session.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatTable } from '../../show/format-table.ts';

interface PullOptions extends CommonOptions, SourceOptions, VerifyOptions {
  readonly allowForeignUrls?: boolean;
  readonly verifyStore?: boolean;
  readonly allPlatforms?: boolean;
  readonly dryRun?: boolean;
}

/** Prints what a pull would transfer. */
function printPlan({ reference, digest, blobs, transfer }: PullPlan, quiet: boolean, session: Session): void {
  const rows = blobs.map(({ digest: blob, size, state, transfer: bytes }) => [
    blob,
    formatSize(size),
    state,
    formatSize(bytes),
  ]);
  if (!quiet) {
    session.print(digest);
    session.printLines(formatTable(['BLOB', 'SIZE', 'STATE', 'TRANSFER'], rows));
  }
  session.print(`${reference}: ${formatSize(transfer)} would be transferred`);
}

/** @throws USAGE for options that contradict each other */
function checkOptions({ allPlatforms, platform, dryRun, verifyStore }: PullOptions): void {
  if (allPlatforms && platform !== undefined) {
    throw new TsimgError('USAGE', '--all-platforms does not go with --platform', { hint: 'leave out one of them' });
  }
  if (dryRun && verifyStore) {
    throw new TsimgError('USAGE', '--dry-run does not go with --verify-store', {
      why: 'verifying moves damaged blobs away',
      hint: 'tsimg store check looks at all blobs and changes nothing',
    });
  }
}

/** Adds `tsimg pull`. It prints the digest and the complete form of each reference, with `-q` only the latter. */
export function addPull(program: Command): void {
  const command = program
    .command('pull')
    .description('Pull images from their registries into the store.')
    .argument('<reference...>', 'names of images, as docker takes them')
    .option(...ALLOW_FOREIGN_URLS)
    .option('--verify-store', 'read all that the store has of the images, and fetch again what is damaged')
    .option('--all-platforms', 'pull the images of all platforms')
    .option('--dry-run', 'print what would be transferred, and write nothing');
  withCommon(withSource(withSignaturePolicy(withSigner(withConcurrency(command))))).action(
    async (texts: string[], _: unknown, invoked: Command) => {
      const options: PullOptions = invoked.optsWithGlobals();
      checkOptions(options);
      for (const text of texts) parseRemoteReference(text);
      const choice = sourceChoice(options);
      const signatures = signerChoice(options);
      await inSession(options, async (session) => {
        const { context, print, printJson, note } = session;
        for (const warning of patternWarnings(options)) note(`tsimg: ${warning}`);
        const [{ pullToStore }, { openConnections }, { completeName }] = await Promise.all([
          import('../../../verbs/image/pull-to-store.ts'),
          import('../../../registry/connections.ts'),
          import('../../../registry/mirrors/short-name.ts'),
        ]);
        const names = await Promise.all(texts.map((text) => completeName(text, { ...choice, ...context })));
        const references = names.map(parseRemoteReference);
        using connections = openConnections();
        const settings = {
          ...choice,
          ...context,
          connections,
          root: options.root,
          allowForeignUrls: options.allowForeignUrls,
          verify: options.verifyStore,
          allPlatforms: options.allPlatforms,
          signatures,
        };
        if (options.dryRun) {
          const { planPull } = await import('../../../verbs/image/plan-pull.ts');
          const plans: PullPlan[] = [];
          const failures = await doEach(references, context.signal, async (reference) => {
            const plan = await planPull(reference, settings);
            plans.push(plan);
            if (!options.json) printPlan(plan, options.quiet ?? false, session);
          });
          if (options.json && plans.length > 0) printJson(plans);
          return throwAll(failures);
        }
        const reports: PullReport[] = [];
        const failures = await doEach(references, context.signal, async (reference) => {
          const report = await pullToStore(reference, settings);
          reports.push(report);
          if (options.json) return;
          if (!options.quiet) print(report.digest);
          print(report.reference);
        });
        if (options.json && reports.length > 0) printJson(reports);
        throwAll(failures);
      });
    },
  );
}
