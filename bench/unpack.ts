import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDockerRegistry } from '../test/support/registry/docker-registry.ts';
import { compareInTurns } from './compare.ts';
import { type Contender, FROM_REGISTRY, isInstalled, LOCAL } from './contenders.ts';
import { physicalLimit } from './limit.ts';
import { type ImageShape, layerFiles, makeImage, SHAPES } from './make-image.ts';

// Unpacking by tsimg and by other tools, in turns, in one run: `npm run bench -- [--rounds N] [--limit] [SHAPE...]`.
// Images are kept in $TSIMG_BENCH_DIR; results go to tmpfs (/dev/shm) and to disk (the temporary folder).

const IMAGES = process.env.TSIMG_BENCH_DIR ?? join(tmpdir(), 'tsimg-bench');
/** Shapes that show the memory: tsimg alone, in one timed round, on tmpfs. */
const FOR_MEMORY: ReadonlySet<string> = new Set([SHAPES.tenMegabytes.name, SHAPES.fiveGigabytes.name]);
/** Shapes that are also unpacked from a registry. */
const FOR_REGISTRY: ReadonlySet<string> = new Set([SHAPES.fourLayers.name, SHAPES.fiftyLayers.name]);

interface Image {
  readonly name: string;
  readonly layout: string;
  readonly layers: readonly string[];
}

async function imageOf(shape: ImageShape): Promise<Image> {
  const layout = await makeImage(IMAGES, shape);
  const read = (digest: string) => JSON.parse(readFileSync(join(layout, 'blobs/sha256', digest.slice(7)), 'utf8'));
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  return { name: shape.name, layout, layers: layerFiles(layout, read(index.manifests[0].digest)) };
}

async function compare(
  title: string,
  contenders: readonly Contender[],
  job: Image & { readonly reference?: string },
  place: string,
  rounds: number,
): Promise<void> {
  const target = join(place, `tsimg-bench-${process.pid}`);
  const candidates = contenders
    .filter(({ needs }) => isInstalled(needs))
    .map(({ name, command }) => ({ name, command: () => command({ reference: undefined, ...job, target }) }));
  await compareInTurns(`${title} on ${place}`, candidates, rounds, () => {
    rmSync(target, { recursive: true, force: true });
    execFileSync('sync');
  });
}

async function compareFromRegistry(image: Image, places: readonly string[], rounds: number): Promise<void> {
  if (!isInstalled('docker-registry') || !isInstalled('skopeo')) {
    return console.log('skipped: needs docker-registry and skopeo');
  }
  await using registry = await startDockerRegistry();
  registry.fill(`oci:${image.layout}:latest`, `${image.name}:latest`);
  const job = { ...image, reference: `${registry.host}/${image.name}:latest` };
  for (const place of places) await compare(`${image.name} from a registry`, FROM_REGISTRY, job, place, rounds);
}

async function tellLimit({ name, layers }: Image, place: string): Promise<void> {
  const { decompressing, hashing, writing, seconds } = await physicalLimit(layers, place);
  const parts = [`decompressing ${decompressing.toFixed(2)}`, `hashing ${hashing.toFixed(2)}`];
  console.log(
    `\n${name} on ${place}: ${parts.join(', ')}, writing ${writing.toFixed(2)} seconds of a core; ` +
      `over ${availableParallelism()} cores ${seconds.toFixed(2)} seconds`,
  );
}

const args = process.argv.slice(2);
const roundsAt = args.indexOf('--rounds');
const rounds = roundsAt === -1 ? 3 : Number(args[roundsAt + 1]);
const wanted = args.filter((arg, at) => !arg.startsWith('--') && (roundsAt === -1 || at !== roundsAt + 1));
// Without the certificates that Node reads at every start.
delete process.env.NODE_EXTRA_CA_CERTS;
mkdirSync(IMAGES, { recursive: true });
const places = ['/dev/shm', tmpdir()].filter(existsSync);
for (const shape of Object.values(SHAPES)) {
  if (wanted.length > 0 && !wanted.includes(shape.name)) continue;
  const image = await imageOf(shape);
  if (FOR_MEMORY.has(shape.name)) {
    await compare(shape.name, LOCAL.slice(0, 2), image, places[0] ?? tmpdir(), 1);
    continue;
  }
  for (const place of places) {
    if (args.includes('--limit')) await tellLimit(image, place);
    await compare(shape.name, LOCAL, image, place, rounds);
  }
  if (FOR_REGISTRY.has(shape.name)) await compareFromRegistry(image, places, rounds);
}
