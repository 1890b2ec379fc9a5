// Prints one file of an image: read-file.ts SOURCE PATH
import { openImage, readImageFile, TsimgError } from 'tsimg';

const [source = 'alpine:3.20', path = '/etc/os-release'] = process.argv.slice(2);
await using opened = await openImage(source);
try {
  process.stdout.write(await readImageFile(opened.image, path, { maxBytes: 1024 * 1024 }));
} catch (error) {
  // Errors have a code that stays; docs/errors.md has an entry for each.
  if (!(error instanceof TsimgError) || error.code !== 'SOURCE_NOT_FOUND') throw error;
  console.error(error.message);
  process.exitCode = 3;
}
