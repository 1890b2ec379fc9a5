import { type Command, Option } from 'commander';
import type { ImageLimits, UnpackReport } from '../../disk/unpack-options.ts';
import { TsimgError } from '../../errors.ts';
import type { UnpackIds, UnpackOutput } from '../../verbs/rootfs/unpack.ts';
import { limitChoice, withLimits } from '../option/image-limits.ts';
import { type PolicyOptions, policyChoice, withPolicy } from '../option/policy.ts';
import { type SourceOptions, sourceChoice, withSignaturePolicy, withSource } from '../option/source.ts';
import { signerChoice, type VerifyOptions, withSigner } from '../option/verify.ts';
import { type CommonOptions, inSession, withCommon } from '../session.ts';

interface UnpackOptions extends CommonOptions, SourceOptions, PolicyOptions, ImageLimits, VerifyOptions {
  readonly force?: boolean;
  readonly ids?: UnpackIds;
  readonly layers?: boolean;
  readonly bundle?: boolean;
}

function outputOf({ layers, bundle }: UnpackOptions): UnpackOutput {
  if (layers && bundle) {
    throw new TsimgError('USAGE', '--layers and --bundle exclude each other', { hint: 'leave out one of them' });
  }
  return layers ? 'layers' : bundle ? 'bundle' : 'rootfs';
}

/** Returns a line for each kind of deviation from the image, and one about the owners of the files. */
async function remarks(report: UnpackReport, ids: UnpackIds | undefined): Promise<readonly string[]> {
  const { TOLERANCES } = await import('../../rootfs/policy.ts');
  const tolerated = [...report.tolerated].map(([name, count]) => `${name} (${count}): ${TOLERANCES[name]}`);
  if (ids !== 'subuid' || process.geteuid?.() === 0) return tolerated;
  const removal = `tsimg unshare rm -rf ${report.destination}`;
  return [...tolerated, `the files belong to subordinate IDs, so remove them by: ${removal}`];
}

/** Adds `tsimg unpack`. */
export function addUnpack(program: Command): void {
  const command = program
    .command('unpack')
    .description('Make the root filesystem of an image in a directory.')
    .argument('<source>', 'an archive, a layout, - (stdin), or a reference')
    .argument('<dest>', 'a directory that does not exist, or is empty')
    .option('-f, --force', 'replace DEST where it is not empty')
    .addOption(
      new Option(
        '--ids <how>',
        'the owners of the files: the image’s (root), the caller with owners recorded (single), or subordinate IDs ' +
          '(subuid) (default: root for root, single for others)',
      ).choices(['root', 'single', 'subuid']),
    )
    .option('--layers', 'make a directory for each layer, 0 for the base, as overlayfs mounts them')
    .option('--bundle', 'make rootfs, and the config.json that an OCI runtime (crun, runc) starts it with');
  withCommon(withSource(withSignaturePolicy(withSigner(withLimits(withPolicy(command)))))).action(
    async (source: string, destination: string, _: unknown, invoked: Command) => {
      const options: UnpackOptions = invoked.optsWithGlobals();
      const choice = { ...sourceChoice(options), ...policyChoice(options), limits: limitChoice(options) };
      const { force, ids, root } = options;
      const output = outputOf(options);
      const signatures = signerChoice(options);
      await inSession(options, async ({ context, printJson, note }) => {
        const { unpackSource } = await import('../../verbs/rootfs/unpack.ts');
        const settings = { ...choice, ...context, root, force, ids, output, signatures };
        const report = await unpackSource(source, destination, settings);
        if (options.json) {
          printJson({ ...report, tolerated: Object.fromEntries(report.tolerated) });
          return;
        }
        for (const line of options.quiet ? [] : await remarks(report, ids)) note(`tsimg: ${line}`);
      });
    },
  );
}
