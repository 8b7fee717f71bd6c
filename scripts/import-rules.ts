/**
 * Which file may import which: the table of docs/architecture.md. Rooms stand on floors and import downwards;
 * filters and protocols know the api and nothing else; no two files import each other in a circle. A type-only import
 * counts like any other, because whoever reads one file then has to know the other.
 *
 * Pure: it judges a graph that `import-graph.ts` has read from the tree, or that a test has made up.
 */

import { findCircles } from './find-circles.ts';

/** One import statement. */
export interface Import {
  /** A file from the root of the project (`src/api/log.ts`), a package (`yaml`) or a module of Node (`node:net`). */
  to: string;
  /** What is taken from it; empty for everything. */
  names: readonly string[];
  /** Line of the statement, from 1. */
  line: number;
}

/** The imports of every file, keyed by its path from the root of the project. */
export type ImportGraph = ReadonlyMap<string, readonly Import[]>;

/** The packages that package.json names. */
export interface Packages {
  dependencies: ReadonlySet<string>;
  devDependencies: ReadonlySet<string>;
}

/** From the top. A room imports from the floors below its own; rooms on one floor do not know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['src/main'],
  ['src/server'],
  ['src/proxy'],
  ['src/upstream'],
  ['src/router', 'src/network', 'src/admin', 'src/wasm'],
  ['src/config', 'src/observe'],
  ['src/codec'],
  ['src/api'],
];

/** Extensions stand beside the floors: what they may import apart from their own folder. */
const EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  filters: ['src/api'],
  protocols: ['src/api', 'src/codec'],
};

/** The one file of the core that names filters and protocols. It belongs to the room `src/server`. */
const COMPOSITION_ROOT = 'src/builtin.ts';

/** Connections come from one room; nobody else touches these. */
const SOCKET_ROOM = 'src/network';
const SOCKET_MODULES: readonly string[] = ['node:net', 'node:tls', 'node:dgram'];
/** What `node:net` has that is no socket. */
const ADDRESS_TOOLS: readonly string[] = ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'];

/** Folders whose code is not shipped: they import what they like, and nothing that is shipped imports them. */
const WORKSHOPS: readonly string[] = ['test', 'bench', 'examples', 'scripts'];

/** Every violation as `file:line: what is wrong`; empty when all is well. */
export function checkImports(graph: ImportGraph, packages: Packages): string[] {
  const problems: string[] = [];
  for (const [file, imports] of graph) {
    for (const entry of imports) {
      const objection = graph.has(entry.to) ? judgeFile(file, entry.to) : judgeModule(file, entry, packages);
      if (objection) problems.push(`${file}:${entry.line}: ${objection}`);
    }
  }
  const edges = new Map([...graph].map(([file, imports]) => [file, imports.map(({ to }) => to)]));
  for (const circle of findCircles(edges)) problems.push(`${circle[0]}: import circle: ${circle.join(' -> ')}`);
  return problems;
}

function judgeFile(file: string, to: string): string | undefined {
  const room = roomOf(file);
  const target = roomOf(to);
  if (room === target || isWorkshop(room)) return undefined;
  if (isWorkshop(target)) return `shipped code may not import ${to}`;

  const allowed = EXTENSIONS[top(room)];
  if (allowed) {
    return allowed.includes(target) ? undefined : `${room} may import only ${allowed.join(' and ')}, not ${to}`;
  }
  if (EXTENSIONS[top(target)]) {
    return file === COMPOSITION_ROOT ? undefined : `only ${COMPOSITION_ROOT} may import ${to}`;
  }

  const floor = floorOf(room);
  const targetFloor = floorOf(target);
  if (floor < 0) return `${room} has no floor in scripts/import-rules.ts`;
  if (targetFloor < 0) return `${target} has no floor in scripts/import-rules.ts`;
  if (floor < targetFloor) return undefined;
  return `${room} may not import ${to}: ${target} is on ${floor === targetFloor ? 'the same' : 'a higher'} floor`;
}

function judgeModule(file: string, { to: module, names }: Import, packages: Packages): string | undefined {
  const room = roomOf(file);
  if (module.startsWith('./')) return `there is no file ${module.slice(2)}`;
  if (module.startsWith('node:')) {
    if (!SOCKET_MODULES.includes(module) || room === SOCKET_ROOM || isWorkshop(room)) return undefined;
    const harmless = names.length > 0 && names.every((name) => ADDRESS_TOOLS.includes(name));
    return harmless ? undefined : `only ${SOCKET_ROOM} may import ${module}`;
  }
  const name = packageOf(module);
  if (packages.dependencies.has(name)) return undefined;
  if (!packages.devDependencies.has(name)) return `${name} is not a dependency in package.json`;
  return isWorkshop(room) ? undefined : `shipped code may not import the development dependency ${name}`;
}

/** `src/main.ts` and `src/proxy/retry.ts` -> `src/main`, `src/proxy`; one filter or protocol is one room. */
function roomOf(file: string): string {
  if (file === COMPOSITION_ROOT) return 'src/server';
  const parts = file.replace(/\.ts$/, '').split('/');
  const depth = { src: 2, protocols: 2, filters: 3 }[parts[0] as string] ?? 1;
  return parts.slice(0, depth).join('/');
}

function isWorkshop(room: string): boolean {
  return WORKSHOPS.includes(room);
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

function top(path: string): string {
  return path.slice(0, path.indexOf('/'));
}

function packageOf(module: string): string {
  const parts = module.split('/');
  return parts.slice(0, module.startsWith('@') ? 2 : 1).join('/');
}
