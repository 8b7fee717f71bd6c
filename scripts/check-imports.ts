/** The part of `npm run check` that prints every import which breaks the rules of the house. */

import { join } from 'node:path';
import { readImportGraph, readPackages } from './import-graph.ts';
import { checkImports } from './import-rules.ts';

const root = join(import.meta.dirname, '..');
const graph = readImportGraph(root);
const problems = checkImports(graph, readPackages(root));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`Checked the imports of ${graph.size} files.`);
