import { missingPackages } from '../test/support/tools.ts';

// Prints the Debian packages that the tests need and this machine lacks, for `apt-get install`; .devcontainer installs
// them.

console.log(missingPackages().join(' '));
