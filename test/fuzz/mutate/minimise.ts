import type { Finding } from '../fuzz-target.ts';
import { tryInput } from '../fuzz-target.ts';
import type { Input, OpenTarget, Target } from '../target.ts';

/** The most attempts to make an input smaller. */
const MAX_TRIES = 2000;

/** Returns the first line of an error without its numbers, by which faults are told apart. */
function faultOf(error: string): string {
  return (error.split('\n')[0] ?? '').replace(/[0-9]+/g, '0');
}

/**
 * Returns a smaller input with the same fault. Parts are left out, then chunks of parts, larger chunks first. The size
 * of tar's blocks is among the chunk sizes, so that an archive stays an archive.
 */
export async function minimise(target: Target, finding: Finding): Promise<Input> {
  const open = await target.open();
  try {
    return await smallest(open, finding);
  } finally {
    await open.close?.();
  }
}

async function smallest(open: OpenTarget, { input, seed, iteration, error }: Finding): Promise<Input> {
  const wanted = faultOf(error);
  let tries = 0;
  const stillFails = async (candidate: Input): Promise<boolean> => {
    if (++tries > MAX_TRIES) return false;
    const result = await tryInput(open, candidate, seed, iteration);
    return 'error' in result && faultOf(result.error) === wanted;
  };
  let best = input;
  for (let part = 0; part < best.length && best.length > 1; ) {
    const candidate = best.toSpliced(part, 1);
    if (await stillFails(candidate)) best = candidate;
    else part++;
  }
  for (let part = 0; part < best.length; part++) {
    for (const chunk of [16_384, 4096, 1024, 512, 64, 8, 1]) {
      for (let at = 0; at < (best[part]?.length ?? 0); ) {
        const bytes = best[part] ?? Buffer.alloc(0);
        const candidate = best.with(part, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + chunk)]));
        if (await stillFails(candidate)) best = candidate;
        else at += chunk;
      }
    }
  }
  return best;
}
