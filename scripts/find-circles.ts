/** Circles in a directed graph, by Tarjan's strongly connected components. */

/**
 * One circle for every group of nodes that can reach each other, written `[a, b, a]`: the shortest one through the
 * group's first node by name. Edges to names that are no nodes are ignored.
 */
export function findCircles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  for (const group of findGroups(edges)) {
    const start = group.toSorted()[0] as string;
    const circle = shortestCircle(edges, start, new Set(group));
    if (circle) circles.push(circle);
  }
  return circles;
}

function findGroups(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const groups: string[][] = [];
  const order = new Map<string, number>();
  const open: string[] = [];

  function visit(node: string): number {
    const number = order.size;
    let low = number;
    order.set(node, number);
    open.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!edges.has(next)) continue;
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (open.includes(next)) low = Math.min(low, order.get(next) as number);
    }
    if (low === number) groups.push(open.splice(open.indexOf(node)));
    return low;
  }

  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return groups;
}

/** Breadth first from `start` back to `start`. */
function shortestCircle(
  edges: ReadonlyMap<string, readonly string[]>,
  start: string,
  within: ReadonlySet<string>,
): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const node of queue) {
    for (const next of edges.get(node) ?? []) {
      if (next === start) {
        const circle = [start];
        for (let at = node; at !== start; at = cameFrom.get(at) as string) circle.unshift(at);
        return [start, ...circle];
      }
      if (!within.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return undefined;
}
