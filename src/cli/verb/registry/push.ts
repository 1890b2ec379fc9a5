import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { TsimgError } from '../../../errors.ts';
import { parseSinkSpec } from '../../../sinks/open.ts';
import { parseSourceSpec } from '../../../sources/parse-spec.ts';
import { type RecompressionOptions, recompressionChoice, withRecompression } from '../../option/compression.ts';
import { limitChoice, parseSize, withExpansionLimits } from '../../option/image-limits.ts';
import { withConcurrency } from '../../option/patience.ts';
import {
  parseRemoteReference,
  type SourceOptions,
  sourceChoice,
  withSignaturePolicy,
  withSource,
} from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface PushOptions extends CommonOptions, SourceOptions, ImageLimits, RecompressionOptions {
  readonly chunkSize?: number;
}

/** The destination of a push: the image's own name where no other is given. @throws USAGE, REFERENCE_INVALID */
function destinationOf(source: string, destination: string | undefined): string {
  if (destination === undefined && parseSourceSpec(source).kind !== 'word' && !source.startsWith('docker://')) {
    throw new TsimgError('USAGE', 'the destination is missing', {
      where: source,
      why: 'this source is no reference that could be pushed to',
      hint: 'tsimg push SOURCE REGISTRY/NAME:TAG',
    });
  }
  const text = destination ?? source;
  if (parseSinkSpec(text).kind !== 'registry') {
    throw new TsimgError('USAGE', 'push goes to registries', { where: text, hint: `tsimg copy ${source} ${text}` });
  }
  return text;
}

/** Adds `tsimg push`. It prints the digest and the complete reference, with `-q` only the latter. */
export function addPush(program: Command): void {
  const push = program
    .command('push')
    .description('Push an image to a registry.')
    .argument('<source>', 'a reference in the store, or any SOURCE on this machine')
    .argument('[destination]', 'the reference to push to (default: the name of the source)')
    .option('--chunk-size <size>', 'send blobs in requests of this size, for registries that limit it', parseSize);
  withCommon(withSource(withSignaturePolicy(withExpansionLimits(withConcurrency(withRecompression(push)))))).action(
    async (source: string, destination: string | undefined, _: unknown, invoked: Command) => {
      const options: PushOptions = invoked.optsWithGlobals();
      const choice = { ...sourceChoice(options), compression: recompressionChoice(options) };
      const text = destinationOf(source, destination);
      await inSession(options, async ({ context, print, printJson }) => {
        const [{ pushImage }, { completeName }] = await Promise.all([
          import('../../../verbs/registry/push.ts'),
          import('../../../registry/mirrors/short-name.ts'),
        ]);
        const reference = parseRemoteReference(await completeName(text, { ...choice, ...context }));
        const { root, chunkSize } = options;
        const settings = { ...choice, ...context, root, chunkSize, limits: limitChoice(options) };
        const report = await pushImage(source, reference, settings);
        if (options.json) return printJson(report);
        if (!options.quiet) print(report.digest);
        print(report.reference);
      });
    },
  );
}
