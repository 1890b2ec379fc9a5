import { suite } from 'uvu';
import { defineCommands } from './support/define-commands.ts';

const test = suite('docs/commands');
defineCommands(test, /^(README\.md|docs\/(containers|errors|fleet|verify)\.md)$/);
test.run();
