import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';
import { examineHost } from '../../host/doctor.ts';
import { diagnose, type Finding } from '../../launch/show/diagnose.ts';
import { type StorePlace, storePlace } from '../places.ts';

/** The abilities of this host for this user. */
export interface HostDiagnosis {
  /** Whether a container can be started at all. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

/** Returns the folder of images; without one that can be written to, the folder of temporary files. */
function placeOf(options: StorePlace): string {
  try {
    const place = storePlace(options);
    accessSync(place, constants.W_OK | constants.X_OK);
    return place;
  } catch {
    return tmpdir();
  }
}

/** Tries the steps of a launch and reports which work, which fail, why, and what would help. Leaves nothing behind. */
export async function diagnoseHost(options: StorePlace = {}): Promise<HostDiagnosis> {
  const findings = diagnose(await examineHost(placeOf(options)));
  return { ok: findings.every(({ state }) => state !== 'fails'), findings };
}
