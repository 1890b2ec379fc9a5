import { diagnoseHost as diagnose, type HostDiagnosis } from '../../verbs/look/doctor.ts';
import type { StorePlace } from '../../verbs/places.ts';
import { checkOptions, text } from '../options/check-options.ts';

/**
 * Tries the steps of a launch and reports which work, which fail, why, and what would help. Leaves nothing behind.
 * @throws USAGE
 */
export async function diagnoseHost(options: StorePlace = {}): Promise<HostDiagnosis> {
  checkOptions('diagnoseHost', options, { root: text });
  return await diagnose(options);
}
