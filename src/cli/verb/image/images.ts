import type { Command } from 'commander';
import { formatPlatform } from '../../../oci/platform.ts';
import { parseReference } from '../../../oci/reference.ts';
import type { ListedImage } from '../../../verbs/image/images.ts';
import { storePlace } from '../../../verbs/places.ts';
import { collect } from '../../option/parsers.ts';
import { type CommonOptions, inSession, withCommon } from '../../session.ts';
import { formatSize } from '../../show/format-size.ts';
import { formatAge } from '../../show/format-table.ts';
import { formatRows, type Row } from '../../template/format-rows.ts';

interface ImagesOptions extends CommonOptions {
  readonly digests?: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly trunc: boolean;
}

/** Splits `docker.io/library/alpine:3.9` into `alpine` and `3.9`, as docker shows them. */
function familiarParts(name: string | undefined): readonly [repository: string, tag: string] {
  if (name === undefined) return ['<none>', '<none>'];
  const { registry, repository, tag } = parseReference(name);
  const path = registry === 'docker.io' ? repository.replace(/^library\//, '') : `${registry}/${repository}`;
  return [path, tag ?? '<none>'];
}

/** The platforms of an entry: all of two, of more the first, and how many more. */
function platformsOf({ kind, platform, platforms }: ListedImage): string {
  if (kind === 'artifact') return 'artifact';
  if (platform === undefined || platforms.length <= 2) return platforms.map(formatPlatform).join(', ');
  return `${formatPlatform(platform)} and ${platforms.length - 1} more`;
}

/** Returns an image's fields under docker's names, for `--format`. */
function shown(image: ListedImage, full: boolean): Row {
  const [repository, tag] = familiarParts(image.name);
  const id = image.imageId ?? '';
  return {
    ID: full ? id : id.slice(7, 19),
    Repository: repository,
    Tag: tag,
    Digest: image.digest,
    Platform: platformsOf(image),
    CreatedAt: image.created ?? '',
    CreatedSince: image.problem === undefined ? formatAge(image.created, new Date()) : 'damaged',
    Size: image.size === undefined ? '' : formatSize(image.size),
  };
}

const HEADINGS: Readonly<Record<string, string>> = {
  ID: 'IMAGE ID',
  CreatedAt: 'CREATED AT',
  CreatedSince: 'CREATED',
};

function columns(digests: boolean): string {
  const shownDigest = digests ? '{{.Digest}}\\t' : '';
  return `{{.Repository}}\\t{{.Tag}}\\t${shownDigest}{{.ID}}\\t{{.Platform}}\\t{{.CreatedSince}}\\t{{.Size}}`;
}

/** Adds `tsimg images`. */
export function addImages(program: Command): void {
  const command = program
    .command('images')
    .description('List the images of the store.')
    .argument('[name]', "list only images of this repository or name; a pattern, such as 'team/*', must match")
    .option('--digests', 'print the digest of each name too')
    .option('-f, --filter <key=value>', 'list only images with this reference (a pattern) or dangling', collect, [])
    .option(
      '--format <how>',
      "print json, a template for each line such as '{{.Repository}}:{{.Tag}}', or 'table TEMPLATE'",
    )
    .option('--no-trunc', 'print IDs in full');
  withCommon(command).action(async (name: string | undefined, _: unknown, invoked: Command) => {
    const options: ImagesOptions = invoked.optsWithGlobals();
    await inSession(options, async ({ context, print, printAsIs, printJson }) => {
      const [{ listImages }, { imageFilter }] = await Promise.all([
        import('../../../verbs/image/images.ts'),
        import('../../../verbs/image/image-filter.ts'),
      ]);
      const isWanted = imageFilter(options.filter, name);
      const images = (await listImages(storePlace(options), context)).filter(isWanted);
      if (options.json) {
        printJson(images.map(({ problem, ...image }) => ({ ...image, problem: problem?.message })));
      } else if (options.quiet) {
        const ids = images.map(({ imageId, manifestDigest }) => imageId ?? manifestDigest);
        for (const id of new Set(ids)) print(id);
      } else {
        const rows = images.map((image) => shown(image, !options.trunc));
        const table = { columns: columns(options.digests ?? false), headings: HEADINGS };
        for (const line of formatRows(options.format, rows, table)) printAsIs(line);
      }
    });
  });
}
