import { suite } from 'uvu';
import { defineCommands } from './define-commands.ts';

const test = suite('docs/commands');
defineCommands(test, /^(README\.md|docs\/(errors|fleet|verify)\.md)$/);
test.run();
