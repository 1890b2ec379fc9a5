import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { examineHost } from '../../host/doctor.ts';
import { diagnose, type Finding } from '../../launch/show/diagnose.ts';
import { type StorePlace, storePlace } from '../places.ts';

/** What this host can do, for this user. */
export interface HostDiagnosis {
  /** Whether a container can be started at all. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

/** The disk where images are kept, or will be; without such a place (no HOME), that of temporary files. */
function placeOf(options: StorePlace): string {
  try {
    const place = storePlace(options);
    accessSync(place, constants.W_OK | constants.X_OK);
    return place;
  } catch {
    return tmpdir();
  }
}

/** Tries what a launch does and tells what works, what does not, why, and what would help. Leaves nothing behind. */
export async function diagnoseHost(options: StorePlace = {}): Promise<HostDiagnosis> {
  const findings = diagnose(await examineHost(placeOf(options)));
  return { ok: findings.every(({ state }) => state !== 'fails'), findings };
}
