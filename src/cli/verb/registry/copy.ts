import type { Command } from 'commander';
import type { ImageLimits } from '../../../disk/unpack-options.ts';
import { TsimgError } from '../../../errors.ts';
import { checkForce } from '../../option/author.ts';
import { type RecompressionOptions, recompressionChoice, withRecompression } from '../../option/compression.ts';
import { limitChoice, parseSize, withExpansionLimits } from '../../option/image-limits.ts';
import { withConcurrency } from '../../option/patience.ts';
import {
  ALLOW_FOREIGN_URLS,
  booleanText,
  checkPlaces,
  parseBoolean,
  parseCredentials,
  type SourceOptions,
  sourceChoice,
  withSignaturePolicy,
  withSource,
} from '../../option/source.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';

interface CopyOptions extends CommonOptions, SourceOptions, ImageLimits, RecompressionOptions {
  readonly all?: boolean;
  readonly referrers?: boolean;
  readonly allowForeignUrls?: boolean;
  readonly force?: boolean;
  readonly chunkSize?: number;
  readonly destCreds?: string;
  readonly destTlsVerify?: string;
  readonly destCertDir?: string;
}

/** Returns the options for the destination's registry that were given. @throws USAGE */
function destinationChoice({ destCreds, destTlsVerify, destCertDir }: CopyOptions) {
  checkPlaces({ ...(destCertDir !== undefined && { certDir: destCertDir }) });
  const tlsVerify = parseBoolean(destTlsVerify, '--dest-tls-verify');
  const credentials = parseCredentials(destCreds);
  return {
    ...(tlsVerify !== undefined && { tlsVerify }),
    ...(destCertDir !== undefined && { certDir: destCertDir }),
    ...(credentials !== undefined && { credentials }),
  };
}

/** Refuses options that have no effect on this destination. @throws USAGE */
function checkOptions(sink: string, options: CopyOptions): void {
  if (options.all && options.platform !== undefined) {
    throw new TsimgError('USAGE', '--all and --platform exclude each other', {
      hint: '--all copies the images of all platforms, --platform that of one',
    });
  }
  const [transport] = /^(?:oci|oci-archive|docker-archive|store):/.exec(sink) ?? [];
  const forRegistries = { chunkSize: '--chunk-size', destCreds: '--dest-creds', destTlsVerify: '--dest-tls-verify' };
  for (const [name, option] of Object.entries({ ...forRegistries, destCertDir: '--dest-cert-dir' })) {
    if (transport === undefined || !Object.hasOwn(options, name)) continue;
    throw new TsimgError('USAGE', `${option} is for a registry as the destination`, {
      where: sink,
      hint: 'leave it out, or name a registry',
    });
  }
  checkForce(sink, options.force);
}

/** Adds `tsimg copy`. It prints the digest that the destination has. */
export function addCopy(program: Command): void {
  const copy = program
    .command('copy')
    .description('Copy an image from anywhere to anywhere, without the store between them.')
    .argument('<source>', 'a reference (from the store, else from its registry), or any SOURCE')
    .argument(
      '<sink>',
      'a reference, store:REFERENCE, oci:PATH[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]',
    )
    .option('-a, --all', 'copy the images of all platforms with their index, or an artifact')
    .option('--referrers', 'copy what is attached to the image, too: signatures, attestations, SBOMs')
    .option(...ALLOW_FOREIGN_URLS)
    .option('-f, --force', 'replace an archive that exists')
    .option('--chunk-size <size>', 'send blobs in requests of this size, for registries that limit it', parseSize);
  withSource(withSignaturePolicy(withExpansionLimits(withConcurrency(withRecompression(copy)))))
    .option('--dest-creds <user:password>', 'the credentials for the destination, where the source is a registry too')
    .option('--dest-tls-verify <bool>', 'as --tls-verify, for the destination', booleanText('--dest-tls-verify'))
    .option('--dest-cert-dir <dir>', 'as --cert-dir, for the destination');
  withCommon(copy).action(async (source: string, sink: string, _: unknown, invoked: Command) => {
    const options: CopyOptions = invoked.optsWithGlobals();
    checkOptions(sink, options);
    const choice = { ...sourceChoice(options), compression: recompressionChoice(options) };
    const destination = destinationChoice(options);
    await inSession(options, async ({ context, print, printJson }) => {
      const { copySource } = await import('../../../verbs/registry/copy.ts');
      const { root, all, referrers, allowForeignUrls, force, chunkSize } = options;
      const settings = {
        ...choice,
        destination,
        ...context,
        root,
        all,
        referrers,
        allowForeignUrls,
        force,
        chunkSize,
        limits: limitChoice(options),
      };
      const report = await copySource(source, sink, settings);
      if (options.json) printJson(report);
      else print(report.digest);
    });
  });
}
