import { suite } from 'uvu';
import { TAR_TARGETS } from '../fuzz/all-targets.ts';
import { holdTarget } from '../fuzz/hold-target.ts';

// Mutations of valid and of hostile archives, the same on every run.
const test = suite('tar/fuzz');

for (const target of TAR_TARGETS) holdTarget(test, target);

test.run();
