/** Idle connections, linked through themselves: the newest is used first, the oldest expires first. */

/** What a member of the list carries. */
export interface IdleNode<T> {
  newer: T | undefined;
  older: T | undefined;
  /** Milliseconds of the clock. */
  idleSince: number;
  /** It is in the list. */
  isIdle: boolean;
}

export class IdleList<T extends IdleNode<T>> {
  length = 0;
  newest: T | undefined = undefined;
  oldest: T | undefined = undefined;

  push(node: T, now: number): void {
    node.idleSince = now;
    node.isIdle = true;
    node.older = this.newest;
    if (this.newest === undefined) this.oldest = node;
    else this.newest.newer = node;
    this.newest = node;
    this.length++;
  }

  remove(node: T): void {
    const { newer, older } = node;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    node.newer = undefined;
    node.older = undefined;
    node.isIdle = false;
    this.length--;
  }
}
