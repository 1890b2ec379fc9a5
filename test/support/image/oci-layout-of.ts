import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** How skopeo names what the files of ../shared/images are. */
const TRANSPORTS: readonly (readonly [RegExp, string])[] = [
  [/^oci-.*\.tar$/, 'oci-archive'],
  [/-layout$/, 'oci'],
  [/./, 'docker-archive'],
];

/**
 * A shared image as an OCI layout with the one tag `x`, made by skopeo, which shares no code with tsimg.
 * @param into an empty folder
 */
export function ociLayoutOf(image: string, name: string, into: string): string {
  const transport = TRANSPORTS.find(([pattern]) => pattern.test(name))?.[1] ?? 'docker-archive';
  let source = image;
  if (/gz$/.test(name)) {
    source = join(into, 'archive.tar');
    writeFileSync(source, gunzipSync(readFileSync(image)));
  }
  const layout = join(into, 'layout');
  execFileSync(
    'skopeo',
    ['--override-os', 'linux', 'copy', '--insecure-policy', '-q', `${transport}:${source}`, `oci:${layout}:x`],
    {
      stdio: 'pipe',
    },
  );
  return layout;
}
