import { AROUND, PLAIN_REQUEST, ROOT_FACTS, USER_FACTS } from '../../../fixtures/make/plans.ts';
import { planRun } from '../../../src/launch/plan/plan-run.ts';
import { parseImageConfig } from '../../../src/oci/config.ts';
import { parseImageIndex } from '../../../src/oci/image-index.ts';
import { parseManifest } from '../../../src/oci/manifest.ts';
import { endingOf, fault } from '../ending.ts';
import { mutateJson } from '../mutate/mutate-json.ts';
import { documentSeeds } from '../seeds.ts';
import { bytesTarget } from '../target.ts';

const TYPES = ['', 'application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.manifest.v1+json'];

function check(input: Buffer): string {
  const asConfig = endingOf(() => {
    const config = parseImageConfig(input, 'config');
    for (const facts of [ROOT_FACTS, USER_FACTS]) {
      const plan = planRun(config.run, { ...PLAIN_REQUEST, command: ['/bin/true'] }, { ...AROUND, facts });
      if (!plan.command.cwd.startsWith('/')) throw fault(`a working directory ${plan.command.cwd}`);
      const text = [...plan.command.args, ...plan.command.env, plan.command.cwd].join('');
      if (text.includes('\0')) throw fault('a NUL in what execve is given');
    }
  });
  let accepted = asConfig === 'accepted';
  let last = asConfig;
  for (const type of TYPES) {
    const asManifest = endingOf(() => parseManifest(input, type, 'manifest'));
    const asIndex = endingOf(() => parseImageIndex(input, type, 'index'));
    // A document that is an index for one reader and a manifest for another has two meanings under one digest.
    if (type === '' && asManifest === 'accepted' && asIndex === 'accepted')
      throw fault('a manifest and an index at once');
    accepted ||= asManifest === 'accepted' || asIndex === 'accepted';
    if (type === '') last = asManifest;
  }
  if (Object.keys(Object.prototype).length > 0) throw fault('the prototype of all objects was changed');
  return accepted ? 'accepted' : last;
}

export const documentsTarget = bytesTarget({
  name: 'documents',
  rule: 'a document is refused by an error of tsimg or is one thing, and a launch can be planned of any config',
  seeds: documentSeeds,
  mutate: mutateJson,
  run: check,
});
